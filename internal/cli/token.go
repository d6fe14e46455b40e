package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/internal/cli/config"
)

func newToken(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make and revoke API tokens for programs"}
	cmd.AddCommand(newTokenCreate(a), newTokenRevoke(a))
	return cmd
}

func newTokenCreate(a *App) *cobra.Command {
	var role, file string
	var days int
	cmd := &cobra.Command{
		Use:   "create NAME --role ROLE",
		Short: "Make a token for the organization, or only for --project",
		Long: "Make a token for the organization, or only for --project. Its secret is shown\n" +
			"once: on standard output, or written to --token-file. Programs take it from\n" +
			"SOUK_TOKEN.",
		Args: cobra.ExactArgs(1),
	}
	roleFlag(cmd, &role)
	cmd.Flags().IntVar(&days, "expires-in-days", 90, "how long it is valid, at most 366")
	tokenFileFlag(cmd, &file)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		if days < 1 || days > 366 {
			return misuse("--expires-in-days is between 1 and 366")
		}
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		t, err := organization.CreateToken(ctx, api.TokenCreate{Name: args[0], Role: api.Role(role), Project: a.project, ExpiresInDays: days})
		if err != nil {
			return err
		}
		if t.Secret == "" {
			return fmt.Errorf("the token %s was made, but its secret was lost on the way here. Revoke it and make another: souk token revoke %s", t.Name, t.ID)
		}
		a.progress("Token %s: %s in %s, valid until %s. The secret is shown this once.", t.Name, t.Role, where(organization.Name, t.Project), moment(t.ExpiresAt))
		return a.handOut(t.Secret, file)
	})
	return cmd
}

func tokenFileFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "token-file", "", "write the secret to this file (mode 0600) instead of standard output")
}

// handOut gives a secret to the user, once.
func (a *App) handOut(secret, file string) error {
	if file == "" {
		_, err := fmt.Fprintln(a.Out, secret)
		return err
	}
	if err := config.WriteAtomic(file, []byte(secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the secret: %w", err)
	}
	a.progress("The secret is in %s.", file)
	return nil
}

func newTokenRevoke(a *App) *cobra.Command {
	return &cobra.Command{
		Use:               "revoke NAME|ID",
		Short:             "End a token at once",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeTokens),
		RunE: a.bounded(func(ctx context.Context, args []string) error {
			organization, _, err := a.inOrganization(ctx)
			if err != nil {
				return err
			}
			tokens, err := organization.Tokens(ctx)
			if err != nil {
				return err
			}
			t, err := a.tokenOf(tokens, args[0])
			if err != nil {
				return err
			}
			if err := organization.RevokeToken(ctx, t.ID); err != nil {
				return err
			}
			return a.done("token/%s revoked", t.Name)
		}),
	}
}

// tokenOf finds a token by its ID, or by the name of one that is still valid.
func (a *App) tokenOf(tokens []api.Token, which string) (api.Token, error) {
	var found []api.Token
	for _, t := range tokens {
		if t.ID == which {
			return t, nil
		}
		if t.Name == which && t.RevokedAt == nil {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return api.Token{}, fmt.Errorf("there is no token %s that could be revoked; see: souk get tokens", which)
	case 1:
		return found[0], nil
	}
	return api.Token{}, errors.New("several tokens are called " + which + ": name the one by its ID from: souk get tokens -o json")
}
