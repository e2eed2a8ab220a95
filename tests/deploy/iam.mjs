// Evaluates IAM requests: a JSON list on standard input, a JSON list of decisions on standard output.
// One process for many requests, because loading the data of all AWS actions takes a second.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const place = `${process.argv[2]}/node_modules/@cloud-copilot/iam-simulate/dist/esm/index.js`;
const { runSimulation } = await import(pathToFileURL(place));
const decisions = [];
for (const { policies, principal, action, resource, context, account } of JSON.parse(readFileSync(0, "utf8"))) {
  const simulation = {
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: policies.map((policy, index) => ({ name: `policy-${index}`, policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  };
  const answer = await runSimulation(simulation, {});
  decisions.push(
    answer.resultType === "error"
      ? { error: JSON.stringify(answer.errors) }
      : { result: answer.overallResult, ignored: answer.result?.ignoredContextKeys ?? [] },
  );
}
process.stdout.write(JSON.stringify(decisions));
