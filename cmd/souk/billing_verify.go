package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"souk/internal/cli"
	"souk/internal/controlplane"
	"souk/internal/reconcile"
	"souk/internal/store"
)

// newBillingVerify is `souk billing verify`: it rates a closed month again in this
// process, straight from the record, and asks no server.
func newBillingVerify(*cli.App) *cobra.Command {
	var period, path, dataDir, format string
	cmd := &cobra.Command{
		Use: "verify", Short: "Rate a closed month again and compare, byte by byte (exit code 1 on any difference)", Args: cobra.NoArgs,
		Annotations: map[string]string{cli.Under: "billing"},
		Long: "Rates each organization's closed month again in a process of its own, from segments,\nusage, prices and agreements as they were known when the month was closed, and compares\n" +
			"the bytes with those that were invoiced. It reads the record, not the server: run it\nwhere the control plane's configuration is, or the data folder of a souk dev that runs.",
		Example: "  souk billing verify --period 2026-12\n  souk billing verify --period 2026-12 --config /etc/souk/serve.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := time.Parse("2006-01", period); err != nil {
				return fmt.Errorf("--period %q is no month such as 2026-12", period)
			}
			if path == "" {
				path = filepath.Join(dataDir, "control", "config.yaml")
			}
			all, err := verify(cmd.Context(), path, period)
			if err != nil {
				return err
			}
			return showVerified(cmd, period, format, all)
		},
	}
	cmd.Flags().StringVar(&period, "period", "", "the month, such as 2026-12")
	cmd.Flags().StringVar(&path, "config", "", "the configuration file of the control plane; that of --data-dir unless given")
	cmd.Flags().StringVar(&dataDir, "data-dir", orDefault(os.Getenv("SOUK_DATA_DIR"), "./.souk"), "the data folder of souk dev (SOUK_DATA_DIR)")
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	_ = cmd.MarkFlagRequired("period")
	return cmd
}

// verify needs of the configuration only how to reach the record.
func verify(ctx context.Context, path, period string) ([]reconcile.Verified, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config controlplane.Config
	if err := yaml.UnmarshalStrict(raw, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, dsn := range []*string{&config.Record.App, &config.Record.System} {
		if *dsn, err = fromOutside(*dsn, path); err != nil {
			return nil, err
		}
	}
	st, err := store.Open(ctx, config.Record)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	return reconcile.Verify(ctx, st, period)
}

// fromOutside is how a record is reached whose socket is in a data folder of souk dev
// that only its own processes see where they were told: from outside it is beside the
// folder of the configuration.
func fromOutside(dsn, config string) (string, error) {
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return "", errors.New("the record's connection string cannot be read") // never echo it: it holds a password
	}
	own, err := filepath.Abs(filepath.Join(filepath.Dir(config), "..", "socket"))
	if err != nil || !filepath.IsAbs(c.Host) {
		return dsn, err
	}
	if _, err := os.Stat(c.Host); err == nil {
		return dsn, nil
	}
	return strings.Replace(dsn, c.Host, own, 1), nil
}

func showVerified(cmd *cobra.Command, period, format string, all []reconcile.Verified) error {
	out, differ := cmd.OutOrStdout(), 0
	if format == "json" {
		if all == nil {
			all = []reconcile.Verified{}
		}
		raw, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(out, string(raw))
	}
	for _, v := range all {
		if !v.Identical {
			differ++
		}
		if format != "json" {
			fmt.Fprintln(out, verifiedText(v))
		}
	}
	switch {
	case len(all) == 0:
		return fmt.Errorf("nobody's month %s is closed", period)
	case differ > 0:
		return fmt.Errorf("%d of %d closed months of %s are not what they were rated as", differ, len(all), period)
	}
	return nil
}

func verifiedText(v reconcile.Verified) string {
	name := v.Organization
	if v.Invoice != "" {
		name += ", invoice " + v.Invoice
	}
	credits := ""
	if v.Credits > 0 {
		credits = fmt.Sprintf(", service credits: %d", v.Credits)
	}
	if v.Identical {
		return fmt.Sprintf("%s: identical (%d lines, %d bytes%s, as recorded until %s, rules %s)", name, v.Lines, v.Bytes, credits, v.Watermark.Format(time.RFC3339Nano), v.Rules)
	}
	return fmt.Sprintf("%s: DIFFERS: %s", name, v.Difference)
}
