package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/cobra"

	"souk/internal/signing"
)

func newVerify(a *App) *cobra.Command {
	var keysFile string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check the signature of a certificate, report or result",
		Long: "Check that a signed certificate of a restore, SLA report or result of conformance\n" +
			"(.jws; - is standard input) is as Souk signed it, and show what it says. The keys\n" +
			"are those that the server publishes, or those of a file kept from there (--keys),\n" +
			"with which nothing is asked of any server.",
		Args: cobra.ExactArgs(1),
	}
	out := outputFlag(cmd, "table", "json", "yaml")
	cmd.Flags().StringVar(&keysFile, "keys", "", "file with the public keys, as served at "+signing.Path)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		signed, err := a.secretFrom(args[0])
		if err != nil {
			return err
		}
		keys, err := a.signingKeys(ctx, keysFile)
		if err != nil {
			return err
		}
		checked, err := signing.Verify(keys, signed)
		if err != nil {
			return fmt.Errorf("%s cannot be trusted: %w", args[0], err)
		}
		return a.showSigned(out, checked)
	})
	return cmd
}

// signingKeys are those of a file, or of the server.
func (a *App) signingKeys(ctx context.Context, file string) (set jose.JSONWebKeySet, err error) {
	var raw []byte
	if file != "" {
		if raw, err = os.ReadFile(file); err != nil {
			return set, err
		}
	} else {
		c, _, err := a.connect()
		if err != nil {
			return set, err
		}
		keys, err := c.SigningKeys(ctx)
		if err != nil {
			return set, err
		}
		if raw, err = json.Marshal(keys); err != nil {
			return set, err
		}
	}
	if err := json.Unmarshal(raw, &set); err != nil || set.Keys == nil {
		return set, errors.New("the keys are not a JSON Web Key Set: keep what the server serves at " + signing.Path)
	}
	return set, nil
}

func (a *App) showSigned(out *output, s signing.Signed) error {
	var text bytes.Buffer
	if err := json.Indent(&text, s.Payload, "", "  "); err != nil {
		return errors.New("the signature is right, but what it signs is no JSON document")
	}
	return a.show(out, view{
		value: struct {
			Kind    string          `json:"kind"`
			KeyID   string          `json:"keyId"`
			Payload json.RawMessage `json:"payload"`
		}{s.Kind, s.KeyID, s.Payload},
		text: fmt.Sprintf("The signature is right: a %s, by the key %s.\n%s\n", s.Kind, s.KeyID, text.String()),
	})
}
