//! The numbers that Kubernetes' types have in protobuf, for the objects that
//! newer versions of kubectl (1.36 does, 1.33 does not) send in that form (`create configmap`, `auth
//! can-i`, …). Only what those commands can set is listed; anything else in a
//! body is an error and not silently lost.

/// A message: its fields by number.
pub(crate) type Schema = &'static [(u64, &'static str, Type)];

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Type {
    Text,
    /// A number or truth value that means "not set" when it is zero.
    Number,
    Truth,
    /// A number that may be set to zero.
    Optional,
    /// A port: a number or a name.
    NumberOrText,
    Message(Schema),
    Texts,
    Messages(Schema),
    TextMap,
    /// Binary values, which JSON has as base64.
    BytesMap,
    /// Filled by servers; whatever a client sends there is of no interest.
    Ignored,
}

use Type::{
    BytesMap, Ignored, Message, Messages, Number, NumberOrText, Optional, Text, TextMap, Texts,
    Truth,
};

/// The schema for a kind, if kubectl sends that kind in protobuf.
pub(crate) fn of(kind: &str) -> Option<Schema> {
    Some(match kind {
        "ClusterRole" | "Role" => ROLE,
        "ClusterRoleBinding" | "RoleBinding" => ROLE_BINDING,
        "ConfigMap" => CONFIG_MAP,
        "CronJob" => CRON_JOB,
        "DeleteOptions" => DELETE_OPTIONS,
        "Deployment" => DEPLOYMENT,
        "Job" => JOB,
        "Namespace" | "SelfSubjectReview" => {
            &[(1, "metadata", META), (2, "", Ignored), (3, "", Ignored)]
        }
        "Pod" => POD,
        "Secret" => SECRET,
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "SelfSubjectRulesReview" => RULES_REVIEW,
        "Service" => SERVICE,
        "ServiceAccount" => &[(1, "metadata", META)],
        "TokenRequest" => TOKEN_REQUEST,
        _ => return None,
    })
}

const META: Type = Message(&[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (8, "creationTimestamp", Ignored),
    (11, "labels", TextMap),
    (12, "annotations", TextMap),
    (13, "ownerReferences", Messages(OWNER)),
    (14, "finalizers", Texts),
]);

const OWNER: Schema = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", Truth),
    (7, "blockOwnerDeletion", Truth),
];

const CONFIG_MAP: Schema =
    &[(1, "metadata", META), (2, "data", TextMap), (3, "binaryData", BytesMap)];

const SECRET: Schema =
    &[(1, "metadata", META), (2, "data", BytesMap), (3, "type", Text), (4, "stringData", TextMap)];

const TOKEN_REQUEST: Schema = &[
    (1, "metadata", META),
    (2, "spec", Message(&[(1, "audiences", Texts), (4, "expirationSeconds", Optional)])),
    (3, "status", Ignored),
];

const DEPLOYMENT: Schema = &[
    (1, "metadata", META),
    (
        2,
        "spec",
        Message(&[
            (1, "replicas", Optional),
            (2, "selector", Message(&[(1, "matchLabels", TextMap)])),
            (3, "template", POD_TEMPLATE),
            (4, "strategy", Message(&[(1, "type", Text)])),
        ]),
    ),
    (3, "status", Ignored),
];

const JOB: Schema = &[(1, "metadata", META), (2, "spec", JOB_SPEC), (3, "status", Ignored)];

const JOB_SPEC: Type = Message(&[(6, "template", POD_TEMPLATE), (7, "backoffLimit", Optional)]);

const CRON_JOB: Schema = &[
    (1, "metadata", META),
    (
        2,
        "spec",
        Message(&[
            (1, "schedule", Text),
            (3, "concurrencyPolicy", Text),
            (5, "jobTemplate", Message(&[(1, "metadata", META), (2, "spec", JOB_SPEC)])),
        ]),
    ),
    (3, "status", Ignored),
];

const POD_TEMPLATE: Type = Message(&[(1, "metadata", META), (2, "spec", POD_SPEC)]);

const POD: Schema = &[(1, "metadata", META), (2, "spec", POD_SPEC), (3, "status", Ignored)];

const POD_SPEC: Type = Message(&[
    (1, "volumes", Messages(&[(1, "name", Text), (2, "", Ignored)])),
    (2, "containers", Messages(CONTAINER)),
    (3, "restartPolicy", Text),
    (10, "nodeName", Text),
    (11, "hostNetwork", Truth),
    (12, "hostPID", Truth),
    (13, "hostIPC", Truth),
    (22, "tolerations", Messages(&[(1, "key", Text), (2, "operator", Text)])),
]);

const CONTAINER: Schema = &[
    (1, "name", Text),
    (2, "image", Text),
    (3, "command", Texts),
    (4, "args", Texts),
    (
        6,
        "ports",
        Messages(&[(1, "name", Text), (3, "containerPort", Number), (4, "protocol", Text)]),
    ),
    (7, "env", Messages(&[(1, "name", Text), (2, "value", Text)])),
    (9, "volumeMounts", Messages(&[(1, "name", Text), (3, "mountPath", Text)])),
    (14, "imagePullPolicy", Text),
    (16, "stdin", Truth),
    (18, "tty", Truth),
    (20, "terminationMessagePolicy", Text),
];

const SERVICE: Schema = &[
    (1, "metadata", META),
    (
        2,
        "spec",
        Message(&[
            (
                1,
                "ports",
                Messages(&[
                    (1, "name", Text),
                    (2, "protocol", Text),
                    (3, "port", Number),
                    (4, "targetPort", NumberOrText),
                    (5, "nodePort", Number),
                ]),
            ),
            (2, "selector", TextMap),
            (3, "clusterIP", Text),
            (4, "type", Text),
            (10, "externalName", Text),
        ]),
    ),
    (3, "status", Ignored),
];

const ROLE: Schema = &[
    (1, "metadata", META),
    (
        2,
        "rules",
        Messages(&[
            (1, "verbs", Texts),
            (2, "apiGroups", Texts),
            (3, "resources", Texts),
            (4, "resourceNames", Texts),
            (5, "nonResourceURLs", Texts),
        ]),
    ),
];

const ROLE_BINDING: Schema = &[
    (1, "metadata", META),
    (
        2,
        "subjects",
        Messages(&[
            (1, "kind", Text),
            (2, "apiGroup", Text),
            (3, "name", Text),
            (4, "namespace", Text),
        ]),
    ),
    (3, "roleRef", Message(&[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)])),
];

const ACCESS_REVIEW: Schema = &[
    (1, "metadata", META),
    (
        2,
        "spec",
        Message(&[
            (
                1,
                "resourceAttributes",
                Message(&[
                    (1, "namespace", Text),
                    (2, "verb", Text),
                    (3, "group", Text),
                    (4, "version", Text),
                    (5, "resource", Text),
                    (6, "subresource", Text),
                    (7, "name", Text),
                ]),
            ),
            (2, "nonResourceAttributes", Message(&[(1, "path", Text), (2, "verb", Text)])),
        ]),
    ),
    (3, "status", Ignored),
];

const RULES_REVIEW: Schema = &[
    (1, "metadata", META),
    (2, "spec", Message(&[(1, "namespace", Text)])),
    (3, "status", Ignored),
];

const DELETE_OPTIONS: Schema = &[
    (1, "gracePeriodSeconds", Optional),
    (2, "preconditions", Message(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
    (4, "propagationPolicy", Text),
    (5, "dryRun", Texts),
];
