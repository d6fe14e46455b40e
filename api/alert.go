package api

import "time"

// Alert is a condition of an instance that its people are told of.
type Alert struct {
	ID           string     `json:"id"`
	Name         string     `json:"name" example:"storage-filling"`
	Title        string     `json:"title"`
	Severity     string     `json:"severity" enum:"critical,warning"`
	State        string     `json:"state" enum:"pending,firing,resolved" doc:"pending: it has to hold for longer before anybody is told"`
	Summary      string     `json:"summary" doc:"With the value at which it began"`
	Runbook      string     `json:"runbook" doc:"Name of the page that says what to do"`
	Project      string     `json:"project"`
	Instance     string     `json:"instance"`
	Service      string     `json:"service"`
	PendingSince time.Time  `json:"pendingSince"`
	FiringSince  *time.Time `json:"firingSince,omitempty"`
	ResolvedAt   *time.Time `json:"resolvedAt,omitempty"`
	Resolution   string     `json:"resolution,omitempty" enum:"over,ended" doc:"ended: the instance was suspended or deleted"`
	NoDataSince  *time.Time `json:"noDataSince,omitempty" doc:"Nothing has been known since then. It stays as it was"`
}

// AlertNotice is what channels are told of an alert.
type AlertNotice struct {
	ID           string     `json:"id" doc:"Of the alert: the same when it fires and when it is over"`
	Status       string     `json:"status" enum:"firing,resolved,test"`
	Name         string     `json:"name"`
	Title        string     `json:"title"`
	Severity     string     `json:"severity" enum:"critical,warning"`
	Summary      string     `json:"summary"`
	Organization string     `json:"organization"`
	Project      string     `json:"project,omitempty"`
	Instance     string     `json:"instance,omitempty"`
	Service      string     `json:"service,omitempty"`
	Zone         string     `json:"zone,omitempty" doc:"Of what the operator alone is told: all that it is about is in this zone"`
	FiringSince  time.Time  `json:"firingSince"`
	ResolvedAt   *time.Time `json:"resolvedAt,omitempty"`
	Resolution   string     `json:"resolution,omitempty" enum:"over,ended"`
	URL          string     `json:"url"`
	RunbookURL   string     `json:"runbookURL,omitempty"`
}

// AlertChannel is a way in which an organization is told of alerts. What leads to it
// is never given back.
type AlertChannel struct {
	Name       string      `json:"name"`
	Kind       string      `json:"kind" enum:"mail,webhook,slack,pagerduty"`
	Target     string      `json:"target" doc:"The e-mail address, or the host of the address"`
	QuietHours *QuietHours `json:"quietHours,omitempty"`
	CreatedAt  time.Time   `json:"createdAt"`
	Secret     string      `json:"secret,omitempty" doc:"That a webhook's messages are signed with: only in the answer that makes it"`
}

// QuietHours are a span of each day. What is not critical waits until it ends.
type QuietHours struct {
	From string `json:"from,omitempty" maxLength:"5" example:"22:00"`
	To   string `json:"to,omitempty" maxLength:"5" example:"07:00" doc:"On the next day, where it is before from"`
	Zone string `json:"zone,omitempty" maxLength:"64" example:"Europe/Zurich"`
}

// AlertChannelCreate is the body of POST …/alert-channels.
type AlertChannelCreate struct {
	Name       string      `json:"name" maxLength:"63"`
	Kind       string      `json:"kind" enum:"mail,webhook,slack,pagerduty"`
	Email      string      `json:"email,omitempty" maxLength:"254" doc:"mail: of one of the organization's members"`
	URL        string      `json:"url,omitempty" maxLength:"2048" doc:"webhook and slack: where to. pagerduty: in place of PagerDuty's own"`
	RoutingKey string      `json:"routingKey,omitempty" maxLength:"128" doc:"pagerduty: the service's integration key"`
	QuietHours *QuietHours `json:"quietHours,omitempty"`
}

// AlertDelivery is one message of a channel.
type AlertDelivery struct {
	ID        string        `json:"id" doc:"Told to the receiver, the same at each try"`
	Channel   string        `json:"channel"`
	Test      bool          `json:"test"`
	Status    string        `json:"status" enum:"waiting,sent,failed,cancelled" doc:"sent: the receiver took it, or for mail the outbox"`
	Attempts  int           `json:"attempts"`
	LastError string        `json:"lastError,omitempty"`
	CreatedAt time.Time     `json:"createdAt"`
	NextAt    *time.Time    `json:"nextAt,omitempty" doc:"When it is tried next"`
	SentAt    *time.Time    `json:"sentAt,omitempty"`
	Notices   []AlertNotice `json:"notices" nullable:"false"`
}

// Runbook is a page that says what to do about an alert, with an instance's values in
// its commands.
type Runbook struct {
	Name string `json:"name"`
	Text string `json:"text" doc:"Markdown"`
}
