package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newAudit(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Check Souk's own books (operator)"}
	cmd.AddCommand(newAuditSegments(a))
	return cmd
}

func newAuditSegments(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "segments",
		Short: "Recompute every billing chain and compare (exit code 1 on any difference)",
		Args:  cobra.NoArgs,
	}
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		audit, err := c.Operator().AuditSegments(ctx)
		if err != nil {
			return err
		}
		if err := a.show(o, view{value: audit, text: auditText(audit)}); err != nil {
			return err
		}
		if n := len(audit.Differences); n > 0 {
			return fmt.Errorf("%d billing chains or parts of them are not what the raw commands and facts, or the backups, say", n)
		}
		return nil
	})
	return cmd
}

func auditText(audit api.SegmentAudit) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Checked at %s: %d instances, %d commands, %d facts, %d segments, %d segments of backups, %s seconds accounted for.\n",
		moment(audit.At), audit.Instances, audit.Commands, audit.Facts, audit.Segments, audit.BackupSegments, audit.Seconds)
	if len(audit.Differences) == 0 {
		b.WriteString("No differences.\n")
		return b.String()
	}
	t := newTable("ORGANIZATION", "INSTANCE", "ID", "DIFFERENCE")
	for _, d := range audit.Differences {
		t.add(d.Organization, d.Instance, d.InstanceID, d.Problem)
	}
	_ = t.write(&b)
	return b.String()
}
