package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"souk/api/client"
	"souk/internal/cli/config"
)

const defaultProject = "default"

// selected returns the context in force: the one chosen, with what the
// environment and the flags override. It may lack anything.
func (a *App) selected() (config.Context, error) {
	path, err := config.Path(a.Getenv)
	if err != nil {
		return config.Context{}, err
	}
	file, err := config.Load(path)
	if err != nil {
		return config.Context{}, err
	}
	name := file.Current
	if a.context != "" {
		name = a.context
	}
	c, found := file.Context(name)
	if a.context != "" && !found {
		return c, misuse("there is no context %s; there are: %s", a.context, orNone(file.Names()))
	}
	if c.CA != "" && !filepath.IsAbs(c.CA) {
		c.CA = filepath.Join(filepath.Dir(path), c.CA)
	}
	a.override(&c)
	return c, nil
}

// override applies SOUK_* and the flags. A token is only ever sent to the
// server that it was stored with.
func (a *App) override(c *config.Context) {
	if server := strings.TrimRight(a.Getenv("SOUK_SERVER"), "/"); server != "" && server != strings.TrimRight(c.Server, "/") {
		*c = config.Context{Server: server}
	}
	for _, o := range []struct {
		field *string
		value string
	}{
		{&c.Token, strings.TrimSpace(a.Getenv("SOUK_TOKEN"))},
		{&c.CA, a.Getenv("SOUK_CA")},
		{&c.Organization, a.Getenv("SOUK_ORGANIZATION")},
		{&c.Project, a.Getenv("SOUK_PROJECT")},
		{&c.Organization, a.organization},
		{&c.Project, a.project},
	} {
		if o.value != "" {
			*o.field = o.value
		}
	}
	if c.Project == "" {
		c.Project = defaultProject
	}
}

var errNoServer = errors.New("no server is chosen yet.\n" +
	"Sign in with: souk login --server URL\n" +
	"Or start one on this machine with: souk dev; its log-ins are used by: export SOUK_CONFIG=.souk/cli.yaml")

// connect returns a client of the context in force.
func (a *App) connect() (*client.Client, config.Context, error) {
	c, err := a.selected()
	if err != nil {
		return nil, c, err
	}
	if c.Server == "" {
		return nil, c, errNoServer
	}
	api, err := a.dial(c)
	return api, c, err
}

func (a *App) dial(c config.Context) (*client.Client, error) {
	options := []client.Option{
		client.WithUserAgent("souk/" + a.Version),
		client.WithNotify(a.noticeRetries()),
	}
	if c.Token != "" {
		options = append(options, client.WithToken(c.Token))
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("read the server's certificate authority: %w", err)
		}
		options = append(options, client.WithCA(pem))
	}
	switch {
	case a.hurried:
		options = append(options, client.WithPatience(0))
	case a.timeoutGiven():
		options = append(options, client.WithPatience(a.timeout))
	}
	if a.Pause > 0 {
		options = append(options, client.WithBackoff(a.Pause, 4*a.Pause))
	}
	return client.New(c.Server, options...)
}

// noticeRetries tells of a wait that a person would wonder about, once.
func (a *App) noticeRetries() func(client.Retry) {
	told := false
	return func(r client.Retry) {
		if told || (r.Attempt < 3 && r.Wait < 2*time.Second) {
			return
		}
		told = true
		fmt.Fprintln(a.Err, plain(firstLine(a.explain(r.Err))+" Trying again …", false))
	}
}

// inOrganization returns the organization in force.
func (a *App) inOrganization(ctx context.Context) (*client.Organization, config.Context, error) {
	api, c, err := a.connect()
	if err != nil {
		return nil, c, err
	}
	if c.Organization == "" {
		if c.Organization, err = onlyOrganization(ctx, api); err != nil {
			return nil, c, err
		}
	}
	return api.Organization(c.Organization), c, nil
}

// inProject returns the project in force.
func (a *App) inProject(ctx context.Context) (*client.Project, error) {
	organization, c, err := a.inOrganization(ctx)
	if err != nil {
		return nil, err
	}
	return organization.Project(c.Project), nil
}

// instanceOf is inProject with the name of the instance that an argument names.
func (a *App) instanceOf(ctx context.Context, arg string) (*client.Project, string, error) {
	name, err := instanceName(arg)
	if err != nil {
		return nil, "", err
	}
	project, err := a.inProject(ctx)
	return project, name, err
}

func onlyOrganization(ctx context.Context, api *client.Client) (string, error) {
	who, err := api.Whoami(ctx)
	if err != nil {
		return "", err
	}
	if len(who.Organizations) == 1 {
		return who.Organizations[0].Name, nil
	}
	var names []string
	for _, o := range who.Organizations {
		names = append(names, o.Name)
	}
	return "", misuse("which organization? Say --organization NAME; you can enter: %s", orNone(names))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
