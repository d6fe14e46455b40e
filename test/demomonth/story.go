package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"souk/api"
	"souk/api/client"
)

// month is one that is played.
type month struct {
	dev            *launcher
	folder         string
	operator, acme *client.Client
	customer       *client.Organization
	project        *client.Project
	zone           *zone
	calendar       calendar
	prices         priceBook
	draft          api.InvoiceDraft // an hour before the month's end
}

// calendar is the month that is played: the one after that in which it begins.
type calendar struct {
	name string // "2026-12"
	window
	location *time.Location
}

// at is a moment of the month, by the clock on the customer's wall.
func (c calendar) at(day, hour, minute int) time.Time {
	first := c.from.In(c.location)
	return time.Date(first.Year(), first.Month(), day, hour, minute, 0, 0, c.location)
}

const (
	timeZone      = "Europe/Zurich" // of the demonstration's organizations
	simulatedZone = "simulated"
)

// newMonth makes ready: the simulated zone, and what is sold in it.
func newMonth(ctx context.Context, dev *launcher, folder string) (*month, error) {
	m := &month{dev: dev, folder: folder, prices: demoPrices()}
	var err error
	if m.operator, err = dev.as("operator"); err != nil {
		return nil, err
	}
	if m.acme, err = dev.as("acme"); err != nil {
		return nil, err
	}
	m.customer = m.acme.Organization("acme")
	m.project = m.customer.Project("default")
	if m.calendar.location, err = time.LoadLocation(timeZone); err != nil {
		return nil, err
	}
	now := time.Now().In(m.calendar.location)
	first := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, m.calendar.location)
	m.calendar.name, m.calendar.window = first.Format("2006-01"), window{first.UTC(), first.AddDate(0, 1, 0).UTC()}
	_, err = m.operator.Operator().CreateZone(ctx, api.ZoneCreate{Name: simulatedZone, Title: "Simulated: nothing runs here", Provider: "local-cloud", Driver: "simulated",
		Capacity: api.Capacity{CPUMillis: 64_000, MemoryMiB: 256 << 10, StorageGiB: 4096, Instances: 100}})
	if err != nil {
		return nil, err
	}
	token, err := m.operator.Operator().EnrolZone(ctx, simulatedZone)
	if err != nil {
		return nil, err
	}
	if m.zone, err = joinZone(ctx, token, filepath.Join(folder, "zone")); err != nil {
		return nil, fmt.Errorf("the simulated zone cannot join: %w", err)
	}
	for _, e := range engines {
		if _, err := m.operator.Operator().PutOffering(ctx, simulatedZone, api.OfferingPut{Service: e.Service, ServiceLevel: "best-effort", PriceList: priceList}); err != nil {
			return nil, err
		}
	}
	return m, m.agreeOnCredits(ctx)
}

// scene is something that happens in the month.
type scene struct {
	day, hour, minute int
	what              string
	play              func(ctx context.Context, m *month) error
}

// scenes of the month, in their order. The last moment of the month is the end of them.
var scenes = []scene{
	{1, 8, 0, "orders shop, cache and bus", func(ctx context.Context, m *month) error {
		return first(m.order(ctx, "shop", "postgresql", "small", 10, true), m.order(ctx, "cache", "redis", "small", 5, true), m.order(ctx, "bus", "nats", "small", 5, false))
	}},
	{4, 10, 30, "gives shop more: medium, 20 GiB", func(ctx context.Context, m *month) error {
		return m.resize(ctx, "shop", "medium", 20)
	}},
	{6, 9, 15, "suspends cache", func(ctx context.Context, m *month) error {
		_, err := m.project.Suspend(ctx, "cache", api.SuspendRequest{})
		return m.settled(ctx, "cache", api.PhaseSuspended, err)
	}},
	{8, 14, 0, "resumes cache", func(ctx context.Context, m *month) error {
		_, err := m.project.Resume(ctx, "cache", api.SuspendRequest{})
		return m.settled(ctx, "cache", api.PhaseReady, err)
	}},
	{10, 7, 0, "takes shop back to small", func(ctx context.Context, m *month) error {
		return m.resize(ctx, "shop", "small", 20)
	}},
	{10, 19, 45, "and up to medium again", func(ctx context.Context, m *month) error {
		return m.resize(ctx, "shop", "medium", 20)
	}},
	{11, 9, 0, "(the operator agrees on 12.5 % less for Redis, from this day on)", func(ctx context.Context, m *month) error { return m.agreeOnDiscount(ctx) }},
	{12, 16, 20, "deletes bus", func(ctx context.Context, m *month) error { return m.remove(ctx, "bus") }},
	{14, 11, 5, "brings bus back", func(ctx context.Context, m *month) error {
		_, err := m.project.Undelete(ctx, "bus")
		return m.settled(ctx, "bus", api.PhaseReady, err)
	}},
	{15, 9, 0, "orders trial", func(ctx context.Context, m *month) error {
		return m.order(ctx, "trial", "redis", "large", 10, false)
	}},
	{16, 18, 0, "deletes trial", func(ctx context.Context, m *month) error { return m.remove(ctx, "trial") }},
	{18, 0, 0, "(the operator publishes new prices)", func(ctx context.Context, m *month) error { return m.raisePrices(ctx) }},
	{18, 12, 0, "orders late, at the new prices", func(ctx context.Context, m *month) error {
		return m.order(ctx, "late", "redis", "small", 5, false)
	}},
	{20, 2, 0, "(shop will be down from 03:10 to 05:10)", func(_ context.Context, m *month) error {
		return m.zone.fail("shop", m.calendar.at(20, 3, 10), m.calendar.at(20, 5, 10))
	}},
	{25, 1, 0, "(trial has been removed for good)", func(ctx context.Context, m *month) error {
		return m.gone(ctx, "trial")
	}},
}

// play plays the month, until an hour before its end.
func (m *month) play(ctx context.Context) error {
	fmt.Printf("%s, in %s: acme\n", m.calendar.name, timeZone)
	for _, s := range scenes {
		at := m.calendar.at(s.day, s.hour, s.minute)
		if err := m.advance(ctx, at); err != nil {
			return err
		}
		fmt.Printf("  %s  %s\n", at.Format("Mon _2 15:04"), s.what)
		if err := s.play(ctx, m); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	if err := m.advance(ctx, m.calendar.to.Add(-time.Hour)); err != nil {
		return err
	}
	var err error
	m.draft, err = m.customer.InvoiceDraft(ctx, m.calendar.name)
	return err
}

// advance moves Souk's clock to a moment, and has the zone tell what came to pass until
// then.
func (m *month) advance(ctx context.Context, to time.Time) error {
	is, err := m.operator.Operator().Clock(ctx)
	if err != nil {
		return err
	}
	if ahead := to.Sub(is.Now); ahead >= time.Second {
		if is, err = m.operator.Operator().AdvanceClock(ctx, api.ClockAdvance{Seconds: int64((ahead + time.Second - 1) / time.Second)}); err != nil {
			return err
		}
	}
	m.zone.raise(time.Duration(is.OffsetSeconds) * time.Second)
	return m.zone.catchUp(ctx)
}

func (m *month) order(ctx context.Context, name, service, plan string, storageGiB int64, backedUp bool) error {
	o := api.InstanceOrder{Spec: api.InstanceSpec{Service: service, Zone: simulatedZone, Plan: plan, StorageGiB: storageGiB, Protected: new(bool)}}
	o.Metadata.Name = name
	if service != "nats" {
		o.Spec.Backup = &api.BackupSpec{Enabled: &backedUp}
		if backedUp { // so many that none expires within the month
			o.Spec.Backup.Keep = &api.BackupKeep{Last: 30, Daily: 31}
		}
	}
	_, err := m.project.Order(ctx, o)
	return m.settled(ctx, name, api.PhaseReady, err)
}

func (m *month) resize(ctx context.Context, name, plan string, storageGiB int64) error {
	_, err := m.project.Patch(ctx, name, map[string]any{"spec": map[string]any{"plan": plan, "storageGiB": storageGiB}}, "")
	return m.settled(ctx, name, api.PhaseReady, err)
}

func (m *month) remove(ctx context.Context, name string) error {
	_, err := m.project.Delete(ctx, name)
	return m.settled(ctx, name, api.PhaseDeleted, err)
}

// settled returns once what was asked for has come into force.
func (m *month) settled(ctx context.Context, name string, phase api.Phase, err error) error {
	if err != nil {
		return err
	}
	return await(ctx, name+" is "+string(phase), func() error {
		i, _, err := m.project.Instance(ctx, name)
		if err == nil && (i.Status.Phase != phase || i.Status.ObservedGeneration != i.Metadata.Generation) {
			err = fmt.Errorf("it is %s: %s", i.Status.Phase, i.Status.Message)
		}
		return err
	})
}

// gone returns once nothing is left of an instance.
func (m *month) gone(ctx context.Context, name string) error {
	return await(ctx, name+" is removed for good", func() error {
		i, _, err := m.project.Instance(ctx, name)
		if client.IsStatus(err, http.StatusNotFound) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it is %s", i.Status.Phase)
		}
		return err
	})
}

// first is the first error, where the ones after it were asked for in vain.
func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
