package repricing

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"souk/internal/billing"
)

const (
	// linesAtMost is how many prices a mail names.
	linesAtMost = 50
	// linksAtMost is how many instances it links to.
	linksAtMost = 20
)

// wording is what a mail's lines say in a language.
type wording struct {
	day, time        string // layouts; time where a change does not begin with a day
	line             string
	level            map[string]string
	items, units     map[string]string
	price, tier      string
	upTo, beyond     string
	volume, minimum  string
	unpriced         string
	oneInstance      string
	instances        string
	more, morePrices string
}

var words = map[string]wording{
	"en": {
		day: "2 Jan 2006", time: "2 Jan 2006 15:04 MST", line: "%s: %s from %s on, %s before.",
		level: map[string]string{"guaranteed": "with guaranteed availability"},
		items: map[string]string{"compute": "compute", "storage": "storage", "backup-storage": "backups"},
		units: map[string]string{"hour": "hour", "month": "month", "GiB-hour": "GiB and hour", "GiB-month": "GiB and month", "each": "piece"},
		price: "%s %s per %s", tier: "%s %s", upTo: "up to %d", beyond: "beyond", volume: "for all of it", minimum: "at least %s %s a month", unpriced: "nothing",
		oneInstance: "One of your instances is affected:", instances: "%d of your instances are affected:", more: "and %d more.", morePrices: "And %d more prices change; each instance's page shows its own.",
	},
	"de": {
		day: "2.1.2006", time: "2.1.2006 15:04 MST", line: "%s: %s ab %s, vorher %s.",
		level: map[string]string{"guaranteed": "mit zugesagter Verfügbarkeit"},
		items: map[string]string{"compute": "Rechenleistung", "storage": "Speicher", "backup-storage": "Sicherungen"},
		units: map[string]string{"hour": "Stunde", "month": "Monat", "GiB-hour": "GiB und Stunde", "GiB-month": "GiB und Monat", "thousand": "Tausend", "million": "Million", "each": "Stück"},
		price: "%s %s pro %s", tier: "%s %s", upTo: "bis %d", beyond: "darüber", volume: "für alles", minimum: "mindestens %s %s im Monat", unpriced: "nichts",
		oneInstance: "Eine Ihrer Instanzen ist betroffen:", instances: "%d Ihrer Instanzen sind betroffen:", more: "und %d weitere.", morePrices: "Und %d weitere Preise ändern sich; die Seite jeder Instanz zeigt die ihren.",
	},
}

func wordsOf(language string) wording {
	if w, known := words[language]; known {
		return w
	}
	return words["en"]
}

// moment is the day from which prices hold, with the time where it is within a day.
func (w wording) moment(at time.Time, zone *time.Location) string {
	local := at.In(zone)
	if hour, minute, second := local.Clock(); hour+minute+second == 0 {
		return local.Format(w.day)
	}
	return local.Format(w.time)
}

// lines name the prices, and the instances with their pages.
func (w wording) lines(c change, organization, base string, zone *time.Location) (lines []string) {
	for i, item := range c.items {
		if i == linesAtMost {
			lines = append(lines, fmt.Sprintf(w.morePrices, len(c.items)-i))
			break
		}
		lines = append(lines, fmt.Sprintf(w.line, w.named(item), w.priced(item.after), w.moment(item.from, zone), w.priced(item.before)))
	}
	if len(c.instances) == 1 {
		lines = append(lines, w.oneInstance)
	} else {
		lines = append(lines, fmt.Sprintf(w.instances, len(c.instances)))
	}
	for i, one := range c.instances {
		if i == linksAtMost {
			return append(lines, fmt.Sprintf(w.more, len(c.instances)-i))
		}
		lines = append(lines, fmt.Sprintf("%s/%s: %s/o/%s/p/%s/instances/%s", one.Project, one.Name, strings.TrimRight(base, "/"), organization, one.Project, one.Name))
	}
	return lines
}

// named says what a price is of.
func (w wording) named(c changed) string {
	of := c.service
	if c.plan != "" {
		of += " " + c.plan
	}
	if level := w.level[c.level]; level != "" {
		of += " " + level
	}
	return of + ", " + cmp.Or(w.items[string(c.item)], string(c.item))
}

// priced is a price with its unit, and its tiers and minimum where it has such.
func (w wording) priced(p *billing.Price) string {
	if p == nil {
		return w.unpriced
	}
	text := fmt.Sprintf(w.price, p.Currency, p.Amount, cmp.Or(w.units[string(p.Unit)], string(p.Unit)))
	for i, t := range p.Tiers {
		if i > 0 {
			text += ", " + fmt.Sprintf(w.tier, p.Currency, t.Amount)
			if p.Mode == billing.ModeVolume {
				text += " " + w.volume
			}
		}
		if t.UpTo > 0 {
			text += " " + fmt.Sprintf(w.upTo, t.UpTo)
		} else {
			text += " " + w.beyond
		}
	}
	if !p.Minimum.IsZero() {
		text += ", " + fmt.Sprintf(w.minimum, p.Currency, p.Minimum)
	}
	return text
}
