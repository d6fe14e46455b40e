package api

import "time"

// Provider is an organization that offers something.
type Provider struct {
	Name         string `json:"name" example:"local-cloud"`
	Title        string `json:"title"`
	Kind         string `json:"kind" doc:"operator, csp, msp, isv or partner"`
	Organization string `json:"organization"`
}

// ProviderCreate is the body of POST /api/v1/operator/providers.
type ProviderCreate struct {
	Name         string `json:"name" example:"local-cloud"`
	Title        string `json:"title,omitempty" doc:"Default: the organization's display name"`
	Kind         string `json:"kind" example:"csp" doc:"operator, csp, msp, isv or partner"`
	Organization string `json:"organization" doc:"Which it is"`
}

// ZoneCreate is the body of POST /api/v1/operator/zones.
type ZoneCreate struct {
	Name           string   `json:"name" example:"geneva"`
	Title          string   `json:"title,omitempty" doc:"Default: the name"`
	Provider       string   `json:"provider" doc:"Whose zone it is"`
	Driver         string   `json:"driver" example:"kubernetes" doc:"kubernetes, process, or simulated: nothing runs there"`
	FailureDomains []string `json:"failureDomains,omitempty" doc:"What can fail by itself, until the zone's agent reports it"`
	Capacity       Capacity `json:"capacity"`
}

// ZonePatch is the body of PATCH /api/v1/operator/zones/{zone}; what is absent
// stays.
type ZonePatch struct {
	Title          *string        `json:"title,omitempty"`
	FailureDomains *[]string      `json:"failureDomains,omitempty"`
	Capacity       *CapacityPatch `json:"capacity,omitempty" doc:"What is reserved already stays reserved"`
}

// CapacityPatch changes a zone's capacity; what is absent stays.
type CapacityPatch struct {
	CPUMillis  *int64 `json:"cpuMillis,omitempty"`
	MemoryMiB  *int64 `json:"memoryMiB,omitempty"`
	StorageGiB *int64 `json:"storageGiB,omitempty"`
	Instances  *int64 `json:"instances,omitempty"`
}

// ZoneRevoke is the body of POST /api/v1/operator/zones/{zone}/revoke.
type ZoneRevoke struct {
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"For the operator's staff"`
}

// OfferingPut is the body of PUT /api/v1/operator/zones/{zone}/offerings.
type OfferingPut struct {
	Service      string `json:"service" example:"postgresql"`
	ServiceLevel string `json:"serviceLevel" example:"best-effort" doc:"best-effort or guaranteed"`
	PriceList    string `json:"priceList,omitempty" doc:"Its newest revision prices it. Not needed to withdraw"`
	Withdrawn    bool   `json:"withdrawn,omitempty" doc:"It can be ordered no more; what runs goes on, on the terms that it was ordered at"`
}

// PriceList is a list of prices in its newest revision.
type PriceList struct {
	Metadata    Metadata    `json:"metadata"`
	Provider    string      `json:"provider"`
	Currency    string      `json:"currency" example:"CHF"`
	Revision    int         `json:"revision"`
	Policy      string      `json:"policy" enum:"new-orders,now,next-period" doc:"What this revision prices: new orders and changes only, or also what was ordered before, from when it was published, or from the next month on in the customer's time zone"`
	PublishedAt time.Time   `json:"publishedAt"`
	Prices      []ListPrice `json:"prices" nullable:"false"`
	Offerings   []Offering  `json:"offerings" nullable:"false" doc:"That it prices, without prices"`
}

// ListPrice is one price of a list.
type ListPrice struct {
	Service      string      `json:"service" example:"postgresql"`
	Plan         string      `json:"plan,omitempty" doc:"Default: every plan"`
	ServiceLevel string      `json:"serviceLevel" example:"best-effort"`
	Item         string      `json:"item" example:"compute" doc:"compute, storage, backup-storage, setup (charged once), or what the service measures"`
	Unit         string      `json:"unit" example:"hour" doc:"hour or month; for storage and backup-storage GiB-hour or GiB-month; for setup once; for what is measured its unit"`
	Amount       string      `json:"amount" example:"0.02" doc:"For one unit; in tiers that of the first, or empty"`
	Mode         string      `json:"mode,omitempty" enum:"flat,graduated,volume" doc:"graduated: each unit costs what its tier says; volume: all units cost what the tier says that their sum lies in. What counts is what one instance has used of the item in the calendar month. Default: flat"`
	Tiers        []PriceTier `json:"tiers,omitempty" doc:"From the first unit on; the last one without an end"`
	Minimum      string      `json:"minimum,omitempty" example:"5.00" doc:"What the item costs at least in a month; in a part of a month, that part"`
}

// PriceTier is what one unit costs up to so many.
type PriceTier struct {
	UpTo   int64  `json:"upTo,omitempty" example:"100" doc:"Absent in the last one"`
	Amount string `json:"amount" example:"0.20"`
}

// PriceListPut is the body of PUT /api/v1/operator/price-lists/{list}: all of its
// prices.
type PriceListPut struct {
	Currency string      `json:"currency" example:"CHF"`
	Policy   string      `json:"policy,omitempty" enum:"new-orders,now,next-period" doc:"Default: new-orders, or that of the newest revision where nothing else differs"`
	Prices   []ListPrice `json:"prices" nullable:"false"`
}

// PriceListPublished is what publishing a price list has changed, or would.
type PriceListPublished struct {
	PriceList PriceList `json:"priceList"`
	Published bool      `json:"published" doc:"False: nothing differs from the newest revision"`
	Changes   []Change  `json:"changes" nullable:"false"`
}
