package cli

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/internal/servicepkg"
)

func newCredentials(a *App) *cobra.Command {
	var binding string
	cmd := &cobra.Command{
		Use:   "credentials NAME",
		Short: "Show how to connect to an instance, password included (this is audited)",
		Example: "  eval \"$(souk credentials db1 -o shell)\"; psql -c 'select 1'\n" +
			"  souk credentials db1 -o env > db1.env",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	bindingFlag(cmd, &binding)
	o := outputFlag(cmd, "env", "shell", "json", "yaml", "uri")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.credentials(ctx, args[0], binding)
		if err != nil {
			return err
		}
		return a.showCredentials(o.format, c)
	})
	return cmd
}

func bindingFlag(cmd *cobra.Command, binding *string) {
	cmd.Flags().StringVar(binding, "binding", "", "use this binding instead of the default one")
}

// credentials reveals credentials, with the certificate authority in a file and
// its path filled in, and returns that path too.
func (a *App) credentials(ctx context.Context, arg, binding string) (c api.Credentials, ca string, err error) {
	project, name, err := a.instanceOf(ctx, arg)
	if err != nil {
		return c, "", err
	}
	if binding == "" {
		c, err = project.Credentials(ctx, name)
	} else {
		c, err = project.BindingCredentials(ctx, name, binding)
	}
	if err != nil || c.Endpoint.CA == "" {
		return a.withCA(c, ""), "", err
	}
	if ca, err = a.writeCA(project.Organization, project.Name, name, c.Endpoint.CA); err != nil {
		return c, "", err
	}
	return a.withCA(c, ca), ca, nil
}

// withCA fills in where the certificate authority was written to.
func (a *App) withCA(c api.Credentials, path string) api.Credentials {
	c.Env = maps.Clone(c.Env)
	for key, value := range c.Env {
		c.Env[key] = fillCA(value, path)
	}
	c.URI = fillCA(c.URI, path)
	if query := a.Clients[c.Service].URIQuery; path != "" && len(query) > 0 {
		var pairs []string
		for _, key := range slices.Sorted(maps.Keys(query)) {
			pairs = append(pairs, key, strings.ReplaceAll(query[key], servicepkg.CAFile, path))
		}
		c.URI = withQuery(c.URI, pairs...)
	}
	return c
}

// fillCA replaces the placeholder, escaped where it is part of a URI.
func fillCA(value, path string) string {
	if strings.Contains(value, "://") {
		path = escape(path)
	}
	return strings.NewReplacer("{{CA_FILE}}", path, "%7B%7BCA_FILE%7D%7D", path).Replace(value)
}

// withQuery sets parameters of a URI's query and leaves the rest of it alone.
func withQuery(uri string, keysAndValues ...string) string {
	base, query, _ := strings.Cut(uri, "?")
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		if part != "" && !slices.Contains(keysAndValues, key) {
			kept = append(kept, part)
		}
	}
	for i := 0; i < len(keysAndValues); i += 2 {
		kept = append(kept, keysAndValues[i]+"="+escape(keysAndValues[i+1]))
	}
	return base + "?" + strings.Join(kept, "&")
}

// escape writes a value for a URI's query in the way that all clients read: a
// blank as %20, not as +, and slashes as they are.
func escape(value string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(value))
}

func (a *App) showCredentials(format string, c api.Credentials) error {
	switch format {
	case "json":
		return a.showJSON(c)
	case "yaml":
		return a.showYAML(c)
	case "uri":
		_, err := fmt.Fprintln(a.Out, c.URI)
		return err
	}
	text, err := environment(c.Env, format == "shell")
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.Out, text)
	return err
}

// environment writes variables as an env file, or as commands of a shell.
func environment(env map[string]string, shell bool) (string, error) {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if !validVariable(key) {
			return "", fmt.Errorf("the server named a variable that no shell takes: %q", key)
		}
		if shell {
			fmt.Fprintf(&b, "export %s=%s\n", key, quote(env[key]))
			continue
		}
		if strings.ContainsAny(env[key], "\r\n") {
			return "", fmt.Errorf("%s spans lines, which an env file cannot carry; use -o shell or -o json", key)
		}
		fmt.Fprintf(&b, "%s=%s\n", key, env[key])
	}
	return b.String(), nil
}

// quote writes a text so that a POSIX shell takes it literally.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// shellWord quotes a text where a POSIX shell would not take it literally.
func shellWord(text string) string {
	if text != "" && strings.IndexFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:@%+=,", r))
	}) < 0 {
		return text
	}
	return quote(text)
}

// validVariable keeps a server from smuggling commands into an eval.
func validVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || (r >= 'A' && r <= 'Z') || (r >= 'a' && r <= 'z')
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
