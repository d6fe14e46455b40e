package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"souk/api"
)

// age says how long ago something was, as short as it can be said.
func (a *App) age(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return span(a.Now().Sub(at))
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/day)
}

// moment shows a point in time in full.
func moment(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}

// amount shows money: "CHF 0.02".
func amount(m api.Money) string {
	if m.Amount == "" {
		return "-"
	}
	return strings.TrimSpace(m.Currency + " " + m.Amount)
}

// delta shows a difference in money with its sign: "+CHF 0.02".
func delta(m api.Money) string {
	digits, negative := strings.CutPrefix(m.Amount, "-")
	sign := "+"
	if negative {
		sign = "-"
	}
	if strings.Trim(digits, "0.") == "" {
		sign = "±"
	}
	return sign + amount(api.Money{Amount: strings.TrimPrefix(digits, "+"), Currency: m.Currency})
}

// cores shows thousandths of a core: "0.5".
func cores(millis int64) string {
	return strconv.FormatFloat(float64(millis)/1000, 'f', -1, 64)
}

// mebibytes shows memory: "512 MiB", "2 GiB".
func mebibytes(mib int64) string {
	if mib >= 1024 && mib%1024 == 0 {
		return fmt.Sprintf("%d GiB", mib/1024)
	}
	return fmt.Sprintf("%d MiB", mib)
}

func gibibytes(gib int64) string {
	if gib == 0 {
		return "-"
	}
	return fmt.Sprintf("%d GiB", gib)
}

func pairs(labels map[string]string) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, key+"="+labels[key])
	}
	return dash(strings.Join(out, ","))
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func endpoint(e *api.Endpoint) string {
	if e == nil || e.Host == "" {
		return "-"
	}
	if strings.Contains(e.Host, ":") {
		return fmt.Sprintf("[%s]:%d", e.Host, e.Port)
	}
	return fmt.Sprintf("%s:%d", e.Host, e.Port)
}

// tenancy shows where an instance is: "acme/default".
func tenancy(m api.Metadata) string { return m.Organization + "/" + m.Project }
