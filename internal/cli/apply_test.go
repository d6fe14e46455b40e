package cli

import (
	"strings"
	"testing"

	"souk/api"
)

const twoInstances = `
# the shop
kind: Instance
metadata:
  name: db1
  labels: {app: shop}
spec:
  service: postgresql
  plan: medium
  parameters:
    work_mem: 8MB
    max_connections: 12345678901234567
---
{"kind": "Instance", "metadata": {"name": "db2"}, "spec": {"service": "postgresql"}}
---
`

func TestApply(t *testing.T) {
	h := newTerminal(t)
	h.server.instances["db1"] = instance("db1")
	path := h.file("two.yaml", twoInstances)

	stdout, stderr := h.expect(exitDone, "apply", "-f", path, "--dry-run")
	has(t, stdout, "Would update instance/db1 in acme/default:", "Would order instance/db2 in acme/default:")
	has(t, stderr, "nothing has been changed")
	if len(h.server.sent("PUT")) != 0 {
		t.Fatal("the dry run applied")
	}

	stdout, _ = h.expect(exitDone, "apply", "-f", path)
	same(t, stdout, "instance/db1 updated\ninstance/db2 ordered\n")
	puts := h.server.sent("PUT")
	same(t, puts[0].body, `{"metadata":{"labels":{"app":"shop"}},"spec":{"service":"postgresql","plan":"medium","parameters":{"max_connections":12345678901234567,"work_mem":"8MB"}},"acceptedPriceList":3}`)
	if puts[0].key == "" || puts[0].key == puts[1].key {
		t.Error("each change needs a key of its own")
	}

	stdout, _ = h.expect(exitDone, "apply", "-f", path)
	same(t, stdout, "instance/db1 is like that already\ninstance/db2 is like that already\n")
}

func TestApplyWaits(t *testing.T) {
	h := newTerminal(t)
	h.stdin = twoInstances
	h.server.instances["db1"] = instance("db1", func(i *api.Instance) { i.Spec.Plan = "medium" })
	stdout, _ := h.expect(exitDone, "apply", "-f", "-", "--wait")
	same(t, stdout, "instance/db1 is ready at 127.0.0.1:20001\ninstance/db2 is ready at 127.0.0.1:20001\n")
}

func TestApplyIsAllOrNothing(t *testing.T) {
	h := newTerminal(t)
	path := h.file("x.yaml", twoInstances+"kind: Instance\nmetadata: {name: db3}\nspec: {service: postgresql, plan: huge}\n")
	_, stderr := h.expect(exitFailed, "apply", "-f", path)
	has(t, stderr, "db3: ", "spec.plan: there is no plan huge", "Nothing has been changed")
	if len(h.server.sent("PUT")) != 0 {
		t.Error("some documents were applied")
	}
}

func TestWhatIsReadCanBeApplied(t *testing.T) {
	h := newTerminal(t)
	h.server.instances["db1"] = instance("db1", func(i *api.Instance) { i.Spec.AllowedNetworks = []string{} })
	for _, line := range []string{"get db1 -o yaml", "get db1 -o json", "get instances -o yaml", "get instances -o json"} {
		stdout, _ := h.expect(exitDone, strings.Fields(line)...)
		h.stdin = stdout
		h.expect(exitDone, "diff", "-f", "-")
		h.expect(exitDone, "apply", "-f", "-")
		puts := h.server.sent("PUT")
		has(t, puts[len(puts)-1].body, `"allowedNetworks":[]`)
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	head := "kind: Instance\nmetadata: {name: db1}\n"
	tests := map[string]struct{ text, want string }{
		"an unknown field of the spec": {head + "spec: {service: postgresql, plann: small}", "unknown field spec.plann"},
		"an unknown field of metadata": {"kind: Instance\nmetadata: {name: db1, lables: {}}\nspec: {}", "unknown field metadata.lables"},
		"an unknown field at the top":  {head + "spec: {}\nspecs: {}", "unknown field specs"},
		"in a later document":          {twoInstances + head + "spec: {plann: x}", "document 3"},
		"a wrong type":                 {head + "spec: {service: postgresql, storageGiB: lots}", "spec.storageGiB cannot be a string"},
		"a field twice":                {head + "spec: {service: a, service: b}", "already set"},
		"an instance twice":            {head + "spec: {service: a}\n---\n" + head + "spec: {service: a}", "in the file twice"},
		"another kind":                 {"kind: Pod\nmetadata: {name: x}\nspec: {}", `kind is "Pod"`},
		"no kind":                      {"metadata: {name: x}\nspec: {}", "kind: Instance"},
		"no name":                      {"kind: Instance\nspec: {}", "metadata.name is missing"},
		"no spec":                      {head, "has no spec"},
		"nothing":                      {"---\n# only a comment\n---\n", "no document"},
		"not YAML":                     {"kind: [", "not valid YAML"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newTerminal(t)
			_, stderr := h.expect(exitFailed, "apply", "-f", h.file("x.yaml", tt.text))
			has(t, stderr, tt.want)
			if len(h.server.requests) != 0 {
				t.Error("the server was asked")
			}
		})
	}
}

func TestDocumentsNameTheirProject(t *testing.T) {
	h := newTerminal(t)
	h.stdin = "kind: Instance\nmetadata: {name: db1, project: shop}\nspec: {service: postgresql}"
	h.run("diff", "-f", "-")
	if got := h.server.requests[0].path; got != "/organizations/acme/projects/shop/instances/db1" {
		t.Errorf("asked %s", got)
	}
}

func TestDiffExitCodes(t *testing.T) {
	h := newTerminal(t)
	path := h.file("two.yaml", twoInstances)
	stdout, _ := h.expect(exitDiffers, "diff", "-f", path)
	has(t, stdout, "Would order instance/db1")
	h.server.instances["db1"] = instance("db1", func(i *api.Instance) { i.Spec.Plan = "medium" })
	h.server.instances["db2"] = instance("db2")
	stdout, stderr := h.expect(exitDone, "diff", "-f", path)
	if stdout != "" || stderr != "" {
		t.Errorf("%q, %q", stdout, stderr)
	}
	_, stderr = h.expect(exitDiffError, "diff", "-f", path+".none")
	has(t, stderr, "no such file")
	h.expect(exitMisuse, "diff")
	h.env["SOUK_TOKEN"] = "expired"
	_, stderr = h.expect(exitDiffError, "diff", "-f", path)
	has(t, stderr, "SOUK_TOKEN")
}

func TestDeleteFile(t *testing.T) {
	h := newTerminal(t)
	unprotected := false
	h.server.instances["db2"] = instance("db2", func(i *api.Instance) { i.Spec.Protected = &unprotected })
	stdout, stderr := h.expect(exitDone, "delete", "-f", h.file("two.yaml", twoInstances))
	same(t, stdout, "instance/db2 is being deleted\n")
	has(t, stderr, "instance/db1 is not there")
}
