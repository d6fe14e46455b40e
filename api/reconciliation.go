package api

import "time"

// Reconciliation is what the books came to when they were held against each other.
type Reconciliation struct {
	ID          string                `json:"id"`
	At          time.Time             `json:"at"`
	Hourly      bool                  `json:"hourly" doc:"False: somebody asked for it"`
	Checks      []ReconciliationCheck `json:"checks" nullable:"false"`
	Differences int64                 `json:"differences" doc:"In all checks together"`
}

// ReconciliationCheck is one thing that has to hold of the books.
type ReconciliationCheck struct {
	Name    string `json:"name" enum:"chains,lines,ledger,balance,closed,finished" doc:"chains: billing chains are what commands, facts and backups say; lines: what was rated is on the invoice, to the last place; ledger: each invoice is in the ledger as it is, and nothing else; balance: debits equal credits; closed: no organization's month was forgotten; finished: no closing is stuck"`
	Looked  int64  `json:"looked" doc:"How many were compared"`
	Differs int64  `json:"differs"`
	// Problems are the first of what differs, in plain words.
	Problems []string `json:"problems" nullable:"false" doc:"The first 20 of what differs, in plain words"`
}

// BillingAutomation says how the closing of a month went.
type BillingAutomation struct {
	Month   string `json:"month" example:"2026-12"`
	Runs    int64  `json:"runs" doc:"Organizations whose month was, or is being, closed"`
	Alone   int64  `json:"alone" doc:"Closed, and nobody had to do anything for it"`
	Held    int64  `json:"held" doc:"Wait for what is lacking of an address or a VAT number"`
	Failed  int64  `json:"failed" doc:"Are tried again"`
	Success string `json:"success" example:"99.80" doc:"alone, in per cent of runs, rounded down"`
}

// Reconciliations are the newest ones, and how the closing of the last months went.
type Reconciliations struct {
	Items      []Reconciliation    `json:"items" nullable:"false" doc:"The newest first"`
	Automation []BillingAutomation `json:"automation" nullable:"false" doc:"Of the last 12 months, the newest first"`
}
