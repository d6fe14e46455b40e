package budget

import (
	"context"
	"fmt"
	"time"

	"souk/internal/budget/budgetdb"
	"souk/internal/mail"
	"souk/internal/money"
	"souk/internal/store"
)

// What a threshold is of.
const (
	actual   = "actual"
	forecast = "forecast"
)

// readWithin is how long it is of use to mail a notice.
const readWithin = 3 * 24 * time.Hour

// room says whether everybody who is told may be sent a mail.
func (s *Service) room(ctx context.Context, tx store.Tx, b budgetdb.DueRow, now time.Time) (bool, error) {
	people, err := budgetdb.New(tx).Readers(ctx, b.OrganizationID)
	if err != nil {
		return false, err
	}
	for _, p := range people {
		if room, err := s.Mail.Room(ctx, tx, p.Email, topic(b), now); err != nil || !room {
			return false, err
		}
	}
	return true, nil
}

// topic is what mails about a budget are counted by, so that one does not use up what
// there is room for of another.
func topic(b budgetdb.DueRow) string { return "budget " + b.ID.String() }

// tell writes down which thresholds are reached for the first time this month, and tells
// the highest of each kind to the alert channels and by mail.
func (s *Service) tell(ctx context.Context, tx store.Tx, b budgetdb.DueRow, f finding, now time.Time) error {
	q := budgetdb.New(tx)
	var news []notice
	for _, of := range []struct {
		basis      string
		thresholds []int32
		reached    money.Amount
	}{{actual, b.Actual, f.spent}, {forecast, b.Forecast, f.expected}} {
		most := int32(0)
		for _, t := range reached(of.thresholds, of.reached, b.Amount) {
			n, err := q.Tell(ctx, budgetdb.TellParams{OrganizationID: b.OrganizationID, BudgetID: b.ID, Period: f.month.String(), Basis: of.basis, Percent: t, Amount: b.Amount, Reached: of.reached, ToldAt: now})
			if err != nil {
				return err
			}
			if n > 0 {
				most = max(most, t)
			}
		}
		if most > 0 {
			news = append(news, notice{of.basis, most, of.reached})
		}
	}
	if err := s.alert(ctx, tx, b, f, news, now); err != nil {
		return err
	}
	if len(news) == 0 || s.Mail == nil || s.Mail.Closed {
		return nil
	}
	people, err := q.Readers(ctx, b.OrganizationID)
	if err != nil {
		return err
	}
	for _, p := range people {
		m := mail.Message{Kind: mail.Budget, Locale: p.Locale, Organization: b.Organization, Budget: b.Name, Period: f.month.String(), Path: "/o/" + b.Organization + "/budgets"}
		for _, n := range news {
			m.Lines = append(m.Lines, n.line(b, p.Locale))
		}
		if used := f.spent.Cmp(b.Amount) >= 0; used {
			m.Lines = append(m.Lines, wordsOf(p.Locale).action[b.Action])
		}
		if err := s.Mail.Write(ctx, tx, mail.Letter{To: p.Email, Message: m, Topic: topic(b), Until: now.Add(readWithin)}, now); err != nil {
			return err
		}
	}
	return nil
}

// notice is a threshold that was reached.
type notice struct {
	basis   string
	percent int32
	reached money.Amount
}

// wording is what a mail's lines say in a language.
type wording struct {
	actual, forecast string
	action           map[string]string
}

var words = map[string]wording{
	"en": {
		actual:   "%d %% of the budget are spent: %s %s of %s %s.",
		forecast: "The forecast has reached %d %% of the budget: %s %s of %s %s, if all goes on as it is.",
		action: map[string]string{
			actionNone:    "Nothing is stopped.",
			actionRefuse:  "New orders and larger plans are refused until the budget is raised or the month ends. What runs goes on.",
			actionSuspend: "Instances that are marked suspendable are suspended until the budget is raised or the month ends. Their data stays, and its storage is billed. What is not marked goes on.",
		},
	},
	"de": {
		actual:   "%d %% des Budgets sind ausgegeben: %s %s von %s %s.",
		forecast: "Die Prognose hat %d %% des Budgets erreicht: %s %s von %s %s, wenn alles so weiterläuft.",
		action: map[string]string{
			actionNone:    "Es wird nichts angehalten.",
			actionRefuse:  "Neue Bestellungen und grössere Pläne werden abgelehnt, bis das Budget erhöht wird oder der Monat endet. Was läuft, läuft weiter.",
			actionSuspend: "Instanzen, die als anhaltbar bezeichnet sind, werden angehalten, bis das Budget erhöht wird oder der Monat endet. Ihre Daten bleiben, und deren Speicher wird verrechnet. Was nicht so bezeichnet ist, läuft weiter.",
		},
	},
}

func wordsOf(locale string) wording {
	if w, known := words[locale]; known {
		return w
	}
	return words["en"]
}

func (n notice) line(b budgetdb.DueRow, locale string) string {
	w := wordsOf(locale)
	text := w.actual
	if n.basis == forecast {
		text = w.forecast
	}
	return fmt.Sprintf(text, n.percent, b.Currency, n.reached, b.Currency, b.Amount)
}
