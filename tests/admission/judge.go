// judge asks the admission plugin of a real kube-apiserver, the one that evaluates
// ValidatingAdmissionPolicy, what it makes of requests. There is no server around it.
//
// In: {"manifests": [...], "namespaces": [...], "requests": [...]}, as tests/admission/real.rs
// writes it. Out: one {"denied", "warned", "noted"} per request.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	v1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/warning"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
)

type question struct {
	Manifests  []json.RawMessage `json:"manifests"`
	Namespaces []string          `json:"namespaces"`
	Requests   []request         `json:"requests"`
}

type request struct {
	Operation   string                 `json:"operation"`
	Group       string                 `json:"group"`
	Version     string                 `json:"version"`
	Resource    string                 `json:"resource"`
	Subresource string                 `json:"subresource"`
	Kind        string                 `json:"kind"`
	Namespace   string                 `json:"namespace"`
	Name        string                 `json:"name"`
	User        string                 `json:"user"`
	Object      map[string]interface{} `json:"object"`
	OldObject   map[string]interface{} `json:"oldObject"`
}

type answer struct {
	Denied string   `json:"denied"`
	Warned []string `json:"warned"`
	Noted  bool     `json:"noted"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	objects, err := stored(asked)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	plugin, err := started(objects, stop)
	if err != nil {
		return err
	}
	answers := []answer{}
	for _, request := range asked.Requests {
		answers = append(answers, judge(plugin, request))
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

// What the API server has stored, with the defaults that it would have filled in.
func stored(asked question) ([]runtime.Object, error) {
	var objects []runtime.Object
	for _, name := range asked.Namespaces {
		labels := map[string]string{"kubernetes.io/metadata.name": name}
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	for _, manifest := range asked.Manifests {
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(manifest, nil, nil)
		if err != nil {
			return nil, err
		}
		if policy, is := object.(*v1.ValidatingAdmissionPolicy); is {
			fillIn(policy.Spec.MatchConstraints)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

func fillIn(match *v1.MatchResources) {
	equivalent, all := v1.Equivalent, v1.AllScopes
	if match.MatchPolicy == nil {
		match.MatchPolicy = &equivalent
	}
	if match.ObjectSelector == nil {
		match.ObjectSelector = &metav1.LabelSelector{}
	}
	if match.NamespaceSelector == nil {
		match.NamespaceSelector = &metav1.LabelSelector{}
	}
	for _, rules := range [][]v1.NamedRuleWithOperations{match.ResourceRules, match.ExcludeResourceRules} {
		for at := range rules {
			if rules[at].Scope == nil {
				rules[at].Scope = &all
			}
		}
	}
}

func started(objects []runtime.Object, stop chan struct{}) (*validating.Plugin, error) {
	plugin, err := validating.NewPlugin(nil)
	if err != nil {
		return nil, err
	}
	client := fake.NewSimpleClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	plugin.SetExternalKubeClientSet(client)
	plugin.SetExternalKubeInformerFactory(factory)
	plugin.SetRESTMapper(meta.NewDefaultRESTMapper(nil))
	plugin.SetDynamicClient(dynamicfake.NewSimpleDynamicClient(scheme.Scheme))
	plugin.SetDrainedNotification(stop)
	plugin.SetAuthorizer(authorizer.AuthorizerFunc(
		func(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
			return authorizer.DecisionAllow, "", nil
		}))
	if err := plugin.ValidateInitialization(); err != nil {
		return nil, err
	}
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	if !plugin.WaitForReady() {
		return nil, fmt.Errorf("the plugin is not ready")
	}
	return plugin, nil
}

func judge(plugin *validating.Plugin, asked request) answer {
	version := schema.GroupVersion{Group: asked.Group, Version: asked.Version}
	attributes := &recorded{Attributes: admission.NewAttributesRecord(
		object(asked.Object), object(asked.OldObject), version.WithKind(asked.Kind), asked.Namespace, asked.Name,
		version.WithResource(asked.Resource), asked.Subresource, admission.Operation(asked.Operation), nil, false,
		&user.DefaultInfo{Name: asked.User})}
	heard := &warnings{said: []string{}}
	ctx := warning.WithWarningRecorder(context.Background(), heard)
	found := answer{}
	if plugin.Handles(attributes.GetOperation()) {
		interfaces := admission.NewObjectInterfacesFromScheme(scheme.Scheme)
		if err := plugin.Validate(ctx, attributes, interfaces); err != nil {
			found.Denied = err.Error()
		}
	}
	found.Warned, found.Noted = heard.said, attributes.noted
	return found
}

// What the admission plugin notes for the audit log.
type recorded struct {
	admission.Attributes
	noted bool
}

func (r *recorded) AddAnnotation(key, _ string) error {
	r.noted = r.noted || strings.HasSuffix(key, "/validation_failure")
	return nil
}

// A nil interface, not an interface of a nil pointer.
func object(content map[string]interface{}) runtime.Object {
	if content == nil {
		return nil
	}
	return &unstructured.Unstructured{Object: content}
}

type warnings struct{ said []string }

func (w *warnings) AddWarning(_, text string) { w.said = append(w.said, text) }
