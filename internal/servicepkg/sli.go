package servicepkg

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"souk/internal/driver"
)

// SLI says how it is found out whether an instance of the service is available,
// and what is aimed at.
type SLI struct {
	// Description says in plain words when an instance counts as available.
	Description string     `json:"description"`
	Checks      []SLICheck `json:"checks"`
	// Objectives are by service level the share of a month's service time, in
	// percent with a point, for which an instance is available: "99.9".
	Objectives map[string]string `json:"objectives"`
}

// SLICheck is one thing that is tried, as clients do it.
type SLICheck struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Every   string `json:"every"`   // "1s"
	Timeout string `json:"timeout"` // what takes longer has failed
}

// CapabilityAvailability is that it is measured whether instances are available.
const CapabilityAvailability = "availability"

var percent = regexp.MustCompile(`^(100|[0-9]{1,2}(\.[0-9]{1,4})?)$`)

// Check says what is wrong with an SLI.
func (s *SLI) Check() error {
	if s.Description == "" || len(s.Checks) == 0 || len(s.Objectives) == 0 {
		return errors.New("it needs a description, checks and objectives")
	}
	for _, c := range s.Checks {
		every, err := time.ParseDuration(c.Every)
		timeout, timeoutErr := time.ParseDuration(c.Timeout)
		if c.Name == "" || c.Title == "" || err != nil || timeoutErr != nil || every < time.Second || timeout < time.Millisecond {
			return fmt.Errorf("the check %q needs a name, a title, every of 1s at least and a timeout", c.Name)
		}
	}
	for level, objective := range s.Objectives {
		if !percent.MatchString(objective) {
			return fmt.Errorf("the objective of %s is no percentage such as 99.9", level)
		}
	}
	return nil
}

// Probe makes of the checks what an agent carries out; tries holds by name how each
// is done. It panics where one is missing: they are built in, so any test finds that.
func (s *SLI) Probe(tries map[string]func(ctx context.Context) error, closing func()) *driver.Probe {
	p := &driver.Probe{Close: closing}
	for _, c := range s.Checks {
		try, ok := tries[c.Name]
		if !ok {
			panic("no way to carry out the check " + c.Name)
		}
		every, _ := time.ParseDuration(c.Every)     // checked
		timeout, _ := time.ParseDuration(c.Timeout) // checked
		p.Checks = append(p.Checks, driver.ProbeCheck{Name: c.Name, Every: every, Timeout: timeout, Try: try})
	}
	return p
}

// Objective is what is aimed at for a service level, in percent; false: nothing is.
func (d Definition) Objective(serviceLevel string) (string, bool) {
	if d.SLI == nil {
		return "", false
	}
	o, ok := d.SLI.Objectives[serviceLevel]
	return o, ok
}
