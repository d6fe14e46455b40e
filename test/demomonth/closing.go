package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"souk/api"
	"souk/internal/reconcile"
)

// monthCloses: a little more than a day after its end the month of every organization is
// closed, without anybody's hands. Before its end the zone is cut off; what happens there
// in the month's last hour is heard of only after the close.
func monthCloses(ctx context.Context, m *month) (string, error) {
	m.zone.cutOff()
	i, err := m.project.Patch(ctx, "cache", map[string]any{"spec": map[string]any{"plan": "medium"}}, "")
	if err != nil {
		return "", err
	}
	if err := await(ctx, "the zone has given cache more, and nobody hears of it", func() error { return m.zone.has("cache", i.Metadata.Generation) }); err != nil {
		return "", err
	}
	if err := await(ctx, "the zone has changed cache, unheard of", func() error { return m.zone.unheard("cache") }); err != nil {
		return "", err
	}
	if err := m.advance(ctx, m.calendar.to.Add(27*time.Hour)); err != nil {
		return "", err
	}
	var is api.BillingAutomation
	err = await(ctx, m.calendar.name+" is closed", func() error {
		all, err := m.operator.Operator().Reconciliations(ctx)
		if err != nil {
			return err
		}
		for _, each := range all.Automation {
			if each.Month == m.calendar.name && each.Alone == each.Runs {
				is = each
				return nil
			}
		}
		return fmt.Errorf("it has come to %+v", all.Automation)
	})
	if err != nil {
		return "", err
	}
	err = await(ctx, "the month's SLA report is made", func() error {
		made, err := m.customer.SLAReports(ctx)
		if err == nil && (len(made) == 0 || made[0].Period != m.calendar.name) {
			err = fmt.Errorf("made are %+v", made)
		}
		return err
	})
	return fmt.Sprintf("%d of %d organizations by themselves, %s %%", is.Alone, is.Runs, is.Success), err
}

// ratedAgain: another process comes to the same bytes.
func ratedAgain(ctx context.Context, m *month) (string, error) {
	return m.verified(ctx, m.calendar.name)
}

// verified has another process rate a closed month again.
func (m *month) verified(ctx context.Context, period string) (string, error) {
	cmd := exec.CommandContext(ctx, m.dev.program, "billing", "verify", "--period", period, "--config", filepath.Join(m.dev.dataDir, "control", "config.yaml"), "--output", "json")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, failed := cmd.Output()
	var all []reconcile.Verified
	if err := json.Unmarshal(out, &all); err != nil {
		return "", errors.Join(err, failed, errors.New(problems.String()))
	}
	var figures []string
	for _, v := range all {
		if v.Invoice == "" {
			continue
		}
		verdict := "identical"
		if !v.Identical {
			verdict = v.Difference
		}
		figures = append(figures, fmt.Sprintf("%s, invoice %s: %s (%d lines, %d bytes, service credits: %d)", v.Organization, v.Invoice, verdict, v.Lines, v.Bytes, v.Credits))
	}
	if failed != nil {
		failed = errors.Join(failed, errors.New(problems.String()))
	}
	if len(figures) == 0 {
		failed = errors.Join(failed, errors.New("nothing was invoiced"))
	}
	return strings.Join(figures, "; "), failed
}

// ratedAgainAfterALateFact: what became known after the close changes nothing of it.
func ratedAgainAfterALateFact(ctx context.Context, m *month) (string, error) {
	if err := m.zone.reconnect(ctx); err != nil {
		return "", err
	}
	err := await(ctx, "the late fact is taken in", func() error {
		i, _, err := m.project.Instance(ctx, "cache")
		if err == nil && i.Status.AppliedPlan != "medium" {
			err = fmt.Errorf("cache is on plan %s", i.Status.AppliedPlan)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return ratedAgain(ctx, m)
}
