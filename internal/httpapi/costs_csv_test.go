package httpapi

import (
	"encoding/csv"
	"strings"
	"testing"

	"souk/api"
)

// A spreadsheet takes no name for a formula, and what has commas, quotes or line ends in
// it stays in its cell.
func TestCostTableIsSafeToOpen(t *testing.T) {
	chf := func(a string) api.Money { return api.Money{Amount: a, Currency: "CHF"} }
	forecast := chf("9.90")
	names := []string{"=cmd|' /C calc'!A0", "+1", "-2", "@SUM(A1)", "\tx", " =1", `a "quoted", name`, "two\nlines", "", "plain"}
	r := api.CostReport{By: "label=team", Total: chf("11.00")}
	for _, n := range names {
		r.Groups = append(r.Groups, api.CostGroup{Name: n, Amount: chf("1.10"), Forecast: &forecast})
	}
	text := string(costCSV(r))
	if strings.Count(text, "\r\n") != len(names)+2 { // one is within a cell
		t.Errorf("rows do not end as RFC 4180 has it: %q", text)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], " "); got != "label=team amount currency forecast" {
		t.Errorf("the head is %s", got)
	}
	for i, row := range rows[1:] {
		want := names[i]
		if i < 6 {
			want = "'" + want
		}
		if row[0] != want || row[1] != "1.10" || row[2] != "CHF" || row[3] != "9.90" {
			t.Errorf("%q became %q", names[i], row)
		}
	}
	r.By, r.Groups = "instance", []api.CostGroup{{Project: "shop", Name: "db", Gone: true, Amount: chf("-0.10")}}
	if got := string(costCSV(r)); got != "project,instance,amount,currency,forecast,gone\r\nshop,db,-0.10,CHF,,true\r\n" {
		t.Errorf("%q", got)
	}
}
