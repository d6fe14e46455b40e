package api

import (
	"encoding/json"
	"time"
)

// Service is what can be ordered.
type Service struct {
	Name         string          `json:"name" example:"postgresql"`
	Title        string          `json:"title"`
	Summary      string          `json:"summary"`
	Description  string          `json:"description,omitempty"`
	Category     string          `json:"category" example:"database"`
	Provider     string          `json:"provider"`
	Revision     int             `json:"revision"`
	Versions     []string        `json:"versions,omitempty" doc:"Of the engine, as zones offer them"`
	Capabilities []Capability    `json:"capabilities" nullable:"false" doc:"As they hold in most zones; each offering has those of its zone"`
	Parameters   json.RawMessage `json:"parameters" doc:"JSON Schema of spec.parameters"`
	Plans        []Plan          `json:"plans" nullable:"false"`
	Offerings    []Offering      `json:"offerings" nullable:"false"`
	Snippets     []Snippet       `json:"snippets,omitempty" doc:"How programs connect"`
	// SLI says when an instance counts as available, and what is aimed at.
	SLI    *ServiceSLI `json:"sli,omitempty" doc:"Absent: it is not measured whether instances are available"`
	Meters []Meter     `json:"meters,omitempty" doc:"What is counted of instances, and may be billed"`
	// Maturity is computed from conformance runs.
	Maturity []ServiceMaturity `json:"maturity,omitempty" doc:"What is proven of it, by zone"`
}

// Snippet shows how a program connects to an instance.
type Snippet struct {
	Title string `json:"title" example:"Go"`
	Text  string `json:"text" doc:"{{HOST}}, {{PORT}}, {{DATABASE}}, {{LOGIN}} and {{CA_FILE}} stand for what the instance has; a password is never in it"`
}

// Capability is an optional part of a service: one per maturity iteration.
type Capability struct {
	Name    string `json:"name" example:"scaling"`
	Offered bool   `json:"offered"`
	Note    string `json:"note,omitempty"`
}

// Plan is a size.
type Plan struct {
	Name          string `json:"name" example:"small"`
	Revision      int    `json:"revision"`
	CPUMillis     int64  `json:"cpuMillis" doc:"Thousandths of a core"`
	MemoryMiB     int64  `json:"memoryMiB"`
	MinStorageGiB int64  `json:"minStorageGiB"`
	MaxStorageGiB int64  `json:"maxStorageGiB"`
}

// Offering is a service in a zone, at a price.
type Offering struct {
	Zone         string `json:"zone"`
	Service      string `json:"service"`
	ServiceLevel string `json:"serviceLevel"`
	Revision     int    `json:"revision"`
	PriceList    int    `json:"priceList" doc:"Revision"`
	// PriceListName is told to the operator's staff.
	PriceListName string       `json:"priceListName,omitempty" doc:"For the operator's staff"`
	Currency      string       `json:"currency"`
	Plans         []PlanPrice  `json:"plans" nullable:"false"`
	Driver        string       `json:"driver,omitempty" doc:"Of the zone: process, kubernetes, simulated"`
	Capabilities  []Capability `json:"capabilities,omitempty" doc:"As they hold in the zone"`
	Available     bool         `json:"available"`
	Problem       string       `json:"problem,omitempty" doc:"Why it cannot be ordered now"`
}

// PlanPrice is what a plan costs in an offering.
type PlanPrice struct {
	Plan  string      `json:"plan"`
	Items []PriceItem `json:"items" nullable:"false"`
	Hour  Money       `json:"hour" doc:"With the smallest storage"`
	Month Money       `json:"month" doc:"In the current calendar month, with the smallest storage"`
	ByUse []UnitPrice `json:"byUse,omitempty" doc:"Of what is measured, and is in no figure here"`
	Once  []UnitPrice `json:"once,omitempty" doc:"Of what is charged once, and is in no figure here"`
	Rules []UnitPrice `json:"rules,omitempty" doc:"In full, of the items that have tiers or a minimum"`
}

// Zone is a place where instances run.
type Zone struct {
	Metadata       Metadata `json:"metadata"`
	Provider       string   `json:"provider"`
	Title          string   `json:"title"`
	Driver         string   `json:"driver"`
	Isolation      string   `json:"isolation,omitempty"`
	Limits         string   `json:"limits,omitempty"`
	Simulated      bool     `json:"simulated,omitempty"`
	FailureDomains []string `json:"failureDomains" nullable:"false" doc:"As its agent reports them; until it has, those that were declared"`
	// FailureDomainsSimulated: they are one machine in truth.
	FailureDomainsSimulated bool        `json:"failureDomainsSimulated,omitempty" doc:"They are one machine in truth"`
	Capacity                Capacity    `json:"capacity"`
	Reserved                Capacity    `json:"reserved"`
	Conditions              []Condition `json:"conditions,omitempty"`
}

// Capacity of a zone, or what is reserved of it.
type Capacity struct {
	CPUMillis  int64 `json:"cpuMillis"`
	MemoryMiB  int64 `json:"memoryMiB"`
	StorageGiB int64 `json:"storageGiB"`
	Instances  int64 `json:"instances"`
}

// ZoneEnrolment is handed out once.
type ZoneEnrolment struct {
	Zone      string    `json:"zone"`
	Token     string    `json:"token" doc:"Shown once; valid for one agent"`
	ExpiresAt time.Time `json:"expiresAt"`
	Server    string    `json:"server" doc:"The agent listener"`
	CA        string    `json:"ca" doc:"PEM"`
	Image     string    `json:"image,omitempty" doc:"The container image of souk for an agent in a Kubernetes cluster, where the operator has named one"`
}

// Estimate is what an instance would cost in the current calendar month.
type Estimate struct {
	Service      string `json:"service"`
	Zone         string `json:"zone"`
	ServiceLevel string `json:"serviceLevel"`
	Plan         string `json:"plan"`
	StorageGiB   int64  `json:"storageGiB"`
	Hours        int64  `json:"hours" doc:"For which it runs"`
	PriceList    int    `json:"priceList" doc:"Revision"`
	Month        string `json:"month" example:"2026-11"`
	MonthHours   int64  `json:"monthHours" doc:"Of the whole month"`
	TimeZone     string `json:"timeZone" example:"Europe/Zurich"`
	Price        Price  `json:"price" doc:"Of the whole month, as an order shows it"`
	Total        Money  `json:"total" doc:"Of the hours, as an invoice would have it"`
}
