package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"souk/api"
	"souk/api/client"
	"souk/internal/cli/config"
)

// devServer is where `souk dev` listens unless told otherwise.
const devServer = "http://127.0.0.1:8080"

func newLogin(a *App) *cobra.Command {
	var email, server, ca string
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in, and make that the current context",
		Long: "Sign in by approving this in a browser, on any machine: a code and where to\n" +
			"enter it are shown. Or, with --email, by a password, which is asked for, or read\n" +
			"as one line from standard input when that is not a terminal; the code of a second\n" +
			"factor, where the account has one, as the next line. The context is named after\n" +
			"the organization unless --context says otherwise.",
		Example: "  souk login --server https://souk.example.com\n" +
			"  souk login --email ann@example.com --server https://souk.example.com",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&email, "email", "", "who signs in by a password")
	flags.StringVar(&server, "server", "", "the server's URL (default: the current context's, or "+devServer+")")
	flags.StringVar(&ca, "ca", "", "PEM file of the authority that the server's certificate comes from")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error { return a.login(ctx, email, server, ca) })
	return cmd
}

func (a *App) login(ctx context.Context, email, server, ca string) error {
	target, err := a.loginTarget(server, ca)
	if err != nil {
		return err
	}
	c, err := a.dial(target)
	if err != nil {
		return misuseOr(server, err)
	}
	if u, err := url.Parse(target.Server); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
		a.progress("Warning: %s is not encrypted: others on the way can read the password and what you sign in with.", target.Server)
	}
	session, err := a.signIn(ctx, c, email)
	if err != nil {
		return a.loginRefused(err)
	}
	target.Token = session.Token
	if target.Organization, err = chosenOrganization(a.organization, session.Organizations); err != nil {
		return err
	}
	stored, err := a.storeContext(target)
	if err != nil {
		return err
	}
	a.progress("Signed in as %s until %s.", session.Email, moment(session.ExpiresAt))
	a.progress("Context %s is current: organization %s, project %s, at %s.", stored.Name, dash(stored.Organization), stored.Project, stored.Server)
	if a.Getenv("SOUK_TOKEN") != "" {
		a.progress("Note: SOUK_TOKEN is set and goes before what has been stored now.")
	}
	return nil
}

func (a *App) signIn(ctx context.Context, c *client.Client, email string) (api.LoginResponse, error) {
	if email == "" {
		return a.signInElsewhere(ctx, c)
	}
	in := bufio.NewReader(io.LimitReader(a.In, 4096))
	password, err := a.readSecret(ctx, in, fmt.Sprintf("Password of %s at %s: ", email, c.Server()))
	if err != nil {
		return api.LoginResponse{}, err
	}
	if password == "" {
		return api.LoginResponse{}, errors.New("no password was given: it is read as one line from standard input")
	}
	request := api.LoginRequest{Email: email, Password: password}
	session, err := c.Login(ctx, request)
	if !client.IsCode(err, client.CodeSecondFactorRequired) {
		return session, err
	}
	if request.Code, err = a.readSecret(ctx, in, "Code of your second factor, or a recovery code: "); err != nil {
		return session, err
	}
	if request.Code == "" {
		return session, errors.New("your account has a second factor: its code is read as a second line from standard input")
	}
	return c.Login(ctx, request)
}

// loginTarget is the context to be, as far as it is known before signing in.
func (a *App) loginTarget(server, ca string) (config.Context, error) {
	path, err := config.Path(a.Getenv)
	if err != nil {
		return config.Context{}, err
	}
	file, err := config.Load(path)
	if err != nil {
		return config.Context{}, err
	}
	current, _ := file.Context(file.Current)
	if known, ok := file.Context(a.context); ok {
		current = known
	}
	target := config.Context{Name: a.context, Project: a.project}
	for _, candidate := range []string{server, a.Getenv("SOUK_SERVER"), current.Server, devServer} {
		if candidate != "" {
			target.Server = strings.TrimRight(candidate, "/")
			break
		}
	}
	if target.Project == "" {
		target.Project = defaultProject
	}
	switch {
	case ca != "" || a.Getenv("SOUK_CA") != "":
		if ca == "" {
			ca = a.Getenv("SOUK_CA")
		}
		target.CA, err = filepath.Abs(ca)
	case target.Server == strings.TrimRight(current.Server, "/") && current.CA != "":
		target.CA = current.CA
		if !filepath.IsAbs(target.CA) {
			target.CA = filepath.Join(filepath.Dir(path), target.CA)
		}
	}
	return target, err
}

// storeContext keeps the context under a name that does not take another
// server's place, and makes it the current one.
func (a *App) storeContext(c config.Context) (config.Context, error) {
	path, err := config.Path(a.Getenv)
	if err != nil {
		return c, err
	}
	err = config.Update(path, func(f *config.File) error {
		if c.Name == "" {
			c.Name = c.Organization
			if c.Name == "" {
				c.Name = "souk"
			}
			if other, taken := f.Context(c.Name); taken && other.Server != c.Server {
				if u, err := url.Parse(c.Server); err == nil {
					c.Name += "@" + u.Host
				}
			}
		}
		f.Set(c)
		f.Current = c.Name
		return nil
	})
	return c, err
}

func chosenOrganization(asked string, member []api.WhoamiOrg) (string, error) {
	var names []string
	for _, o := range member {
		if o.Name == asked {
			return asked, nil
		}
		names = append(names, o.Name)
	}
	if asked != "" {
		return "", fmt.Errorf("you are not a member of %s; you can enter: %s", asked, orNone(names))
	}
	if len(names) == 0 {
		return "", nil
	}
	return names[0], nil
}

// readSecret asks for a line without showing it; where standard input is no
// terminal it is the next one of in, or "".
func (a *App) readSecret(ctx context.Context, in *bufio.Reader, prompt string) (string, error) {
	if file, ok := a.In.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(a.Err, plain(prompt, false))
		defer fmt.Fprintln(a.Err)
		return readHidden(ctx, int(file.Fd()))
	}
	line, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read from standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// readHidden reads a line that the terminal does not show. An interrupt leaves
// the terminal as it was.
func readHidden(ctx context.Context, terminal int) (string, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return "", fmt.Errorf("read from the terminal: %w", err)
	}
	type answer struct {
		password []byte
		err      error
	}
	typed := make(chan answer, 1)
	go func() {
		password, err := term.ReadPassword(terminal)
		typed <- answer{password, err}
	}()
	select {
	case a := <-typed:
		if a.err != nil {
			return "", fmt.Errorf("read from the terminal: %w", a.err)
		}
		return string(a.password), nil
	case <-ctx.Done():
		_ = term.Restore(terminal, before)
		return "", ctx.Err()
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
