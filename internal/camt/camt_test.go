package camt

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func told(f File) string {
	var b strings.Builder
	for _, a := range f.Accounts {
		fmt.Fprintf(&b, "%s %s\n", f.Kind, a.IBAN)
		for _, p := range a.Payments {
			fmt.Fprintf(&b, "%s: %s %s on %s, ref %q, text %q, from %q %s, returned %t\n", p.Key, p.Currency, p.Amount, p.ValueOn, p.Reference, p.Text, p.Payer, p.PayerIBAN, p.Returned)
		}
	}
	return b.String()
}

func TestRead(t *testing.T) {
	for name, want := range map[string]string{
		"statement.xml": `camt.053 CH9300762011623852957
BANK-1: CHF 19.85 on 2026-12-03, ref "RF18539007547034", text "", from "Acme AG" CH5604835012345678009, returned false
BANK-2a: CHF 100.00 on 2026-12-04, ref "RF18539007547034", text "", from "Acme AG" , returned false
BANK-2/2: CHF 50.50 on 2026-12-04, ref "", text "invoice 12 thank you", from "Globex GmbH" , returned false
BANK-3: CHF -5.00 on 2026-12-04, ref "", text "", from "" , returned false
`,
		"notification.xml": `camt.054 CH9300762011623852957
BANK-1: CHF 19.85 on 2026-12-03, ref "RF18539007547034", text "", from "Acme AG" CH5604835012345678009, returned false
`,
	} {
		f, err := Read(strings.NewReader(read(t, name)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := told(f); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// What is wrong with a file is said with its place, and nothing of it is taken.
func TestRefused(t *testing.T) {
	whole := read(t, "statement.xml")
	for name, c := range map[string]struct{ from, to, want string }{
		"nothing":                     {whole, "", "not well-formed"},
		"cut off":                     {"</Stmt></BkToCstmrStmt></Document>", "", "not well-formed"},
		"something else":              {whole, "<invoice/>", "no ISO 20022 document"},
		"another message":             {"BkToCstmrStmt", "BkToCstmrAcctRpt", "neither a statement"},
		"two documents":               {"</Document>", "</Document><Document/>", "follows the end"},
		"an entry is missing":         {"<Ntry><Amt Ccy=\"CHF\">5.00", "<Not><Amt Ccy=\"CHF\">5.00", "not well-formed"},
		"a balance that does not fit": {">165.35<", ">165.36<", "Stmt[1]: its entries do not lead from the opening balance 0.00 to the closing balance 165.36, but to 165.35"},
		"details that do not add up":  {">50.50</Amt>", ">50.49</Amt>", "Stmt[1]/Ntry[2]: its details add up to 150.49 and not to 150.50"},
		"an amount with an exponent":  {">19.85<", ">1985e-2<", "Stmt[1]/Ntry[1]/Amt: it is no amount"},
		"a negative amount":           {">19.85<", ">-19.85<", "Stmt[1]/Ntry[1]/Amt: it is no amount"},
		"no currency":                 {`<Ntry><Amt Ccy="CHF">5.00`, `<Ntry><Amt>5.00`, "Stmt[1]/Ntry[3]/Amt: it has no currency"},
		"neither credit nor debit":    {"DBIT", "BOTH", "Stmt[1]/Ntry[3]/CdtDbtInd"},
		"no day":                      {"2026-12-03", "2026-13-03", "Stmt[1]/Ntry[1]/BookgDt: it is no date"},
		"no account":                  {"<IBAN>CH9300762011623852957</IBAN>", "", "Stmt[1]/Acct/Id/IBAN"},
		"no message identification":   {"<MsgId>MSG-1</MsgId>", "", "GrpHdr/MsgId"},
		"an entity that is not there": {"Acme AG", "&ext;", "not well-formed"},
		"details in another currency": {`<Amt Ccy="CHF">50.50`, `<Amt Ccy="EUR">50.50`, "its currency is not the entry's"},
	} {
		text := strings.Replace(whole, c.from, c.to, -1)
		if name == "two documents" {
			text = whole + "<Document/>"
		}
		f, err := Read(strings.NewReader(text))
		var refused *Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || len(f.Accounts) > 0 {
			t.Errorf("%s: %v, want %q; read %+v", name, err, c.want, f)
		}
	}
}

// What is pending is no payment, and does not count towards the balance.
func TestPendingIsLeftOut(t *testing.T) {
	text := strings.Replace(read(t, "statement.xml"), "</Stmt>", `<Ntry><Amt Ccy="CHF">7.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts></Ntry></Stmt>`, 1)
	f, err := Read(strings.NewReader(text))
	if err != nil || len(f.Accounts[0].Payments) != 4 {
		t.Errorf("%+v, %v", f, err)
	}
}

// Whatever comes, it is read whole or refused: what is read adds up.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"statement.xml", "notification.xml"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Read(strings.NewReader(text))
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) {
				t.Fatalf("refused by %T: %v", err, err)
			}
			return
		}
		for _, a := range file.Accounts {
			for _, p := range a.Payments {
				if p.Key == "" || p.Currency == "" || len(p.BookedOn) != 10 || strings.ContainsAny(p.Reference, " \t\r\n") {
					t.Fatalf("%+v", p)
				}
			}
		}
	})
}
