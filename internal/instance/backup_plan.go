package instance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/backup"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// planned is an instance's plan of backups, if it has one.
type planned struct {
	backup.Plan
	has bool
}

func planOf(r row) planned {
	p := planned{has: len(r.Backup) > 0}
	if p.has {
		_ = json.Unmarshal(r.Backup, &p.Plan)
	}
	return p
}

func (p planned) enabled() bool { return p.has && !p.Disabled }

// spec is the plan as a document.
func (p planned) spec() *api.BackupSpec {
	enabled := p.enabled()
	out := &api.BackupSpec{Enabled: &enabled}
	if p.has {
		out.At, out.TimeZone, out.SpreadMinutes, out.Drills = p.At, p.Zone, &p.Spread, p.drills()
		out.To = p.To
		out.Keep = &api.BackupKeep{Last: p.Keep.Last, Daily: p.Keep.Daily, Weekly: p.Keep.Weekly, Monthly: p.Keep.Monthly}
	}
	return out
}

// drills is how often drills are made.
func (p planned) drills() string { return cmp.Or(p.Drills, backup.Weekly) }

func compareBackups(from, to planned, add func(string, any, any)) {
	add("spec.backup.enabled", from.enabled(), to.enabled())
	if !to.enabled() && !from.enabled() {
		return
	}
	add("spec.backup.at", from.At, to.At)
	add("spec.backup.timeZone", from.Zone, to.Zone)
	add("spec.backup.spreadMinutes", from.Spread, to.Spread)
	add("spec.backup.to", from.To, to.To)
	add("spec.backup.drills", from.drills(), to.drills())
	add("spec.backup.keep", keepText(from.Keep), keepText(to.Keep))
}

// backupText says when backups are taken and what is kept of them.
func backupText(p backup.Plan) string {
	if p.Disabled {
		return "none"
	}
	text := fmt.Sprintf("%s %s, kept: %s", p.At, p.Zone, keepText(p.Keep))
	if p.To != "" {
		text += ", in your bucket " + p.To + " (not billed)"
	}
	return text
}

func keepText(r backup.Retention) string {
	return fmt.Sprintf("last %d, daily %d, weekly %d, monthly %d", r.Last, r.Daily, r.Weekly, r.Monthly)
}

// backupPlan checks what is wanted of backups and fills in its defaults. Backups
// that an instance has already are not questioned.
func (s *Service) backupPlan(ctx context.Context, tx store.Tx, organization uuid.UUID, offer catalog.Offer, spec *api.BackupSpec, has bool) (backup.Plan, error) {
	terms, err := instancedb.New(tx).OrganizationTerms(ctx, organization)
	if err != nil {
		return backup.Plan{}, err
	}
	engine, err := reportedEngine(ctx, tx, offer.Zone, offer.Service)
	if err != nil {
		return backup.Plan{}, err
	}
	why := whyNoBackups(engine)
	if spec == nil {
		spec = &api.BackupSpec{}
	}
	p := backup.Default(terms.TimeZone)
	p.Disabled = why != "" && !has
	if spec.Enabled != nil {
		p.Disabled = !*spec.Enabled
	}
	if why != "" && !p.Disabled && !has {
		return p, problem.InvalidField("body.spec.backup.enabled", true, "Backups cannot be kept in zone %s: %s", offer.Zone, why)
	}
	if err := checkTo(ctx, tx, organization, engine, offer.Zone, spec.To); err != nil {
		return p, err
	}
	return p, fillPlan(&p, spec)
}

// fillPlan takes over what the spec says, and says what is wrong with it.
func fillPlan(p *backup.Plan, spec *api.BackupSpec) error {
	var wrong []problem.Field
	if spec.At != "" {
		if p.At = spec.At; p.CheckAt() != nil {
			wrong = append(wrong, problem.Field{Location: "body.spec.backup.at", Value: spec.At, Message: "This is not a time of day such as 02:00."})
		}
	}
	if spec.TimeZone != "" {
		p.Zone = spec.TimeZone
		if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "Local" {
			wrong = append(wrong, problem.Field{Location: "body.spec.backup.timeZone", Value: spec.TimeZone, Message: "There is no such time zone; give a name such as Europe/Zurich."})
		}
	}
	if spec.SpreadMinutes != nil {
		if p.Spread = *spec.SpreadMinutes; p.Spread < 0 || p.Spread > 1440 {
			wrong = append(wrong, problem.Field{Location: "body.spec.backup.spreadMinutes", Value: p.Spread, Message: "The spread is from 0 to 1440 minutes."})
		}
	}
	p.To = spec.To
	if p.Drills = spec.Drills; !slices.Contains([]string{"", backup.Daily, backup.Weekly, backup.Monthly, backup.Never}, p.Drills) {
		wrong = append(wrong, problem.Field{Location: "body.spec.backup.drills", Value: p.Drills, Message: "Restore drills are made daily, weekly or monthly, or off."})
	}
	if k := spec.Keep; k != nil {
		p.Keep = backup.Retention{Last: k.Last, Daily: k.Daily, Weekly: k.Weekly, Monthly: k.Monthly}
		if k.Last < 1 {
			wrong = append(wrong, problem.Field{Location: "body.spec.backup.keep.last", Value: k.Last, Message: "At least the newest backup is kept: give 1 or more."})
		}
		if k.Last > 30 || k.Daily < 0 || k.Daily > 31 || k.Weekly < 0 || k.Weekly > 53 || k.Monthly < 0 || k.Monthly > 36 {
			wrong = append(wrong, problem.Field{Location: "body.spec.backup.keep", Message: "At most 30 of the newest, 31 daily, 53 weekly and 36 monthly backups are kept, and none less than 0."})
		}
	}
	if len(wrong) > 0 {
		return problem.Invalid(wrong...)
	}
	return nil
}

// whyNoBackups says why a zone keeps no backups by an engine now, or "".
func whyNoBackups(e driver.EngineVersion) string {
	switch {
	case e.Backups:
		return ""
	case e.NoBackups != "":
		return e.NoBackups
	}
	return "the zone's driver does not keep backups of this service yet."
}

// reportedEngine is what a zone says of the engine that it runs a service by.
func reportedEngine(ctx context.Context, tx store.Tx, zone, service string) (driver.EngineVersion, error) {
	zones, err := catalogdb.New(tx).Zones(ctx, zone)
	if err != nil {
		return driver.EngineVersion{}, err
	}
	for _, e := range catalog.Reported(zones[0]).Engines {
		if e.Service == service {
			return e, nil
		}
	}
	return driver.EngineVersion{}, nil
}

// backupKeyPlace ties the sealed key to the instance whose backups it opens.
func backupKeyPlace(instance uuid.UUID) string { return "backups/" + instance.String() }

// addBackupKey makes the key that an instance's backups are encrypted by, when
// they are first wanted. It stays for as long as there is one of them.
func (s *Service) addBackupKey(ctx context.Context, q *instancedb.Queries, r row, at time.Time) error {
	if !planOf(r).enabled() {
		return nil
	}
	sealed, err := s.Secrets.Seal(ctx, backupKeyPlace(r.ID), []byte(newPassword()+newPassword()))
	if err != nil {
		return err
	}
	return q.InsertBackupSet(ctx, instancedb.InsertBackupSetParams{InstanceID: r.ID, OrganizationID: r.OrganizationID, Secret: sealed, CreatedAt: at})
}

// OpenBackupKey opens the key of an instance's backups.
func (s *Service) OpenBackupKey(ctx context.Context, instance uuid.UUID, sealed []byte) (string, error) {
	key, err := s.Secrets.Open(ctx, backupKeyPlace(instance), sealed)
	return string(key), err
}
