package cli

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
	"souk/internal/cli/config"
)

// loginRefused leaves out the hint to sign in: that is what was tried.
func (a *App) loginRefused(err error) error {
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		text := refused.Detail
		if text == "" {
			text = "the e-mail address or the password is wrong"
		}
		return errors.New(text)
	}
	return err
}

// misuseOr tells a wrong --server from what else can fail.
func misuseOr(server string, err error) error {
	if server != "" {
		return misuse("--server: %v", err)
	}
	return err
}

func newLogout(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "End the session, on the server and here",
		Args:  cobra.NoArgs,
		RunE:  a.bounded(func(ctx context.Context, _ []string) error { return a.logout(ctx) }),
	}
}

func (a *App) logout(ctx context.Context) error {
	c, selected, err := a.connect()
	if err != nil {
		return err
	}
	if selected.Token == "" {
		a.progress("You are not signed in to %s.", selected.Server)
		return nil
	}
	if err := c.Logout(ctx); err != nil {
		return err
	}
	path, err := config.Path(a.Getenv)
	if err != nil {
		return err
	}
	err = config.Update(path, func(f *config.File) error {
		for i := range f.Contexts {
			if f.Contexts[i].Token == selected.Token {
				f.Contexts[i].Token = ""
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.progress("Signed out of %s.", selected.Server)
	return nil
}

func newWhoami(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "whoami", Short: "Show who you are, and where you have a role", Args: cobra.NoArgs}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, selected, err := a.connect()
		if err != nil {
			return err
		}
		who, err := c.Whoami(ctx)
		if err != nil {
			return err
		}
		return a.show(o, view{value: who, names: []string{who.Actor}, text: whoamiText(who, selected)})
	})
	return cmd
}

func whoamiText(who api.Whoami, c config.Context) string {
	p := &page{}
	p.field("Actor", who.Actor+" ("+who.Kind+")")
	p.field("Valid until", moment(who.ExpiresAt))
	p.field("Server", c.Server)
	if c.Organization != "" {
		p.field("Acting in", c.Organization+"/"+c.Project)
	}
	t := newTable("ORGANIZATION", "ROLE", "PROJECTS")
	for _, o := range who.Organizations {
		projects := "all"
		if len(o.Projects) > 0 {
			projects = strings.Join(o.Projects, ",")
		}
		t.add(o.Name, dash(string(o.Role)), projects)
	}
	p.section("", t)
	return p.String()
}
