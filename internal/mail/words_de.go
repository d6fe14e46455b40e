package mail

var german = language{
	roles:  map[string]string{"owner": "Inhaber", "admin": "Administrator", "editor": "Bearbeiter", "viewer": "Betrachter", "billing": "Abrechnung"},
	footer: "Diese E-Mail kommt von Souk unter",
	messages: map[Kind]wording{
		SignUp: {
			subject: "Bestätigen Sie Ihre E-Mail-Adresse",
			before:  []string{"Jemand, hoffentlich Sie, hat sich mit dieser Adresse registriert, um die Organisation {{.Organization}} anzulegen.", "Bestätigen Sie, dass die Adresse Ihnen gehört, und Sie sind angemeldet:"},
			link:    "Adresse bestätigen",
			after:   []string{"Der Link gilt einmal, innerhalb von 24 Stunden.", "Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ohne den Link entsteht kein Konto."},
		},
		KnownAddress: {
			subject: "Sie haben bereits ein Konto",
			before:  []string{"Jemand, vielleicht Sie, hat sich mit dieser Adresse registriert. Zu ihr gibt es bereits ein Konto; es wurde nichts geändert.", "Melden Sie sich mit Ihrem Konto an. Wenn Sie das Passwort nicht mehr wissen, können Sie dort ein neues wählen."},
			link:    "Anmelden",
			after:   []string{"Wenn Sie das nicht waren, brauchen Sie nichts zu tun."},
		},
		Reset: {
			subject: "Wählen Sie ein neues Passwort",
			before:  []string{"Jemand, hoffentlich Sie, hat ein neues Passwort für das Konto mit dieser Adresse verlangt."},
			link:    "Neues Passwort wählen",
			after:   []string{"Der Link gilt einmal, innerhalb einer Stunde. Ein neues Passwort beendet alle Sitzungen des Kontos.", "Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Das Passwort bleibt, wie es ist."},
		},
		PasswordChanged: {
			subject: "Ihr Passwort wurde geändert",
			before:  []string{"Das Passwort des Kontos mit dieser Adresse wurde geändert, und andere Sitzungen wurden beendet.", "Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort:"},
			link:    "Neues Passwort wählen",
		},
		SecondFactorOn: {
			subject: "Der zweite Faktor ist eingeschaltet",
			before:  []string{"Zum Anmelden mit dem Konto dieser Adresse braucht es nun neben dem Passwort einen Code.", "Wenn Sie das nicht waren, war jemand mit Ihrem Konto angemeldet. Wählen Sie sofort ein neues Passwort, und wenden Sie sich an den Betreiber:"},
			link:    "Neues Passwort wählen",
		},
		SecondFactorOff: {
			subject: "Der zweite Faktor ist ausgeschaltet",
			before:  []string{"Zum Anmelden mit dem Konto dieser Adresse genügt nun wieder das Passwort.", "Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort, und schalten Sie den zweiten Faktor wieder ein:"},
			link:    "Neues Passwort wählen",
		},
		RecoveryCodesRenewed: {
			subject: "Sie haben neue Ersatzcodes",
			before:  []string{"Zum zweiten Faktor des Kontos mit dieser Adresse gibt es neue Ersatzcodes. Die früheren gelten nicht mehr.", "Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort, und erneuern Sie die Ersatzcodes noch einmal:"},
			link:    "Neues Passwort wählen",
		},
		Maintenance: {
			subject: "Geplante Wartung von Instanzen von {{.Organization}}",
			link:    "Alle Wartungen ansehen",
			after:   []string{"Was geplant ist, lässt sich dort verschieben, bestätigen oder sofort ausführen. Sie erhalten diese E-Mail, weil Sie Mitglied von {{.Organization}} sind."},
		},
		SLAReport: {
			subject: "SLA-Bericht von {{.Organization}} für {{.Period}}",
			before:  []string{"Der Monat ist vorbei, und so verfügbar waren die Instanzen von {{.Organization}}:"},
			link:    "Den Bericht ansehen, als Seite, PDF oder signiert",
			after:   []string{"Sie erhalten diese Nachricht einmal im Monat, weil Sie {{.Organization}} besitzen oder verwalten oder ihre Kosten sehen."},
		},
		DunningReminder: {
			subject: "Zahlungserinnerung: eine Rechnung an {{.Organization}} ist fällig",
			before:  []string{"Vielleicht ist es Ihnen entgangen: Das Folgende war fällig und ist noch nicht bezahlt. Wenn Sie inzwischen bezahlt haben, brauchen Sie nichts zu tun."},
			link:    "Ansehen, was offen ist",
			after:   []string{"Was Sie jetzt nicht bezahlen können: Schreiben Sie uns, und wir finden einen Weg."},
		},
		DunningSecond: {
			subject: "Zweite Mahnung: eine Rechnung an {{.Organization}} ist überfällig",
			before:  []string{"Wir haben Sie erinnert, und das Folgende ist noch nicht bezahlt. Bitte zahlen Sie jetzt, oder schreiben Sie uns."},
			link:    "Ansehen, was offen ist",
			after:   []string{"Was am Ende nicht bezahlt wird, führt dazu, dass Instanzen angehalten werden; das kündigen wir vorher an."},
		},
		DunningAnnounced: {
			subject: "Instanzen von {{.Organization}} werden am {{.Period}} angehalten",
			before:  []string{"Das Folgende ist noch immer nicht bezahlt. Bleibt es dabei, werden die Instanzen von {{.Organization}} am {{.Period}} angehalten: Ihre Daten, Backups, Adressen und Zugänge bleiben erhalten."},
			link:    "Ansehen, was offen ist",
			after:   []string{"Sobald bezahlt ist, was fällig ist, starten sie von selbst wieder. Schreiben Sie uns, wenn Sie nicht zahlen können."},
		},
		DunningSuspended: {
			subject: "Instanzen von {{.Organization}} sind angehalten",
			before:  []string{"Wie angekündigt sind die Instanzen von {{.Organization}} angehalten, weil das Folgende nicht bezahlt ist. Ihre Daten, Backups, Adressen und Zugänge bleiben erhalten; nichts wird gelöscht."},
			link:    "Ansehen, was offen ist",
			after:   []string{"Sobald bezahlt ist, was fällig ist, starten sie von selbst wieder."},
		},
		Budget: {
			subject: "Budget {{.Budget}} von {{.Organization}} im {{.Period}}",
			link:    "Budgets ansehen",
			after:   []string{"Sie erhalten diese Mail, einmal je Schwelle und Monat, weil Sie Eigentümer oder Administrator von {{.Organization}} sind oder deren Kosten sehen."},
		},
		Prices: {
			subject: "Neue Preise für Instanzen von {{.Organization}} ab {{.Period}}",
			before:  []string{"Ab {{.Period}} gelten andere Preise für Instanzen von {{.Organization}}. Was vorher gebraucht wurde, wird verrechnet wie bisher."},
			link:    "Kosten ansehen",
			after: []string{
				"Auf der Seite einer Instanz können Sie ihren Plan ändern, und vorher sehen, was das kosten würde, oder sie löschen. Damit sie zu den neuen Preisen weiterläuft, brauchen Sie nichts zu tun. Die Preise sind ohne Steuer und vor vereinbarten Rabatten.",
				"Sie erhalten diese Mail einmal je Preisänderung, weil Rechnungen von {{.Organization}} an diese Adresse gehen, weil Sie Eigentümer oder Administrator von {{.Organization}} sind oder deren Kosten sehen.",
			},
		},
		Alerts: {
			subject: "Alarme zu Instanzen von {{.Organization}}",
			link:    "Alle Alarme ansehen",
			after:   []string{"Sie erhalten diese E-Mail, weil ein Alarmkanal von {{.Organization}} Ihre Adresse hat. Die Administratoren können den Kanal löschen."},
		},
		Invoice: {
			subject: "Rechnung {{.Number}} von {{.Organization}} für {{.Period}}",
			before:  []string{"Die Rechnung von {{.Organization}} für {{.Period}} liegt bei. Darin steht, wie viel bis wann auf welches Konto zu zahlen ist."},
			link:    "Rechnung in allen Formen ansehen",
			after:   []string{"Sie erhalten diese Mail, weil Rechnungen von {{.Organization}} an diese Adresse gehen. Die Administratoren können in den Rechnungsangaben eine andere nennen."},
		},
		CreditNote: {
			subject: "Gutschrift {{.Number}} von {{.Organization}}",
			before:  []string{"Eine Gutschrift für {{.Organization}} liegt bei. Darin steht, welche Rechnung sie berichtigt und wie viel zurückgegeben wird."},
			link:    "Gutschrift in allen Formen ansehen",
			after:   []string{"Sie erhalten diese Mail, weil Rechnungen von {{.Organization}} an diese Adresse gehen. Die Administratoren können in den Rechnungsangaben eine andere nennen."},
		},
		BillingDetails: {
			subject: "Die Rechnung von {{.Organization}} wartet auf Rechnungsangaben",
			before:  []string{"Die Rechnung von {{.Organization}} für {{.Period}} kann noch nicht ausgestellt werden: {{if eq .Reason `vat-id`}}die MWST-Nummer fehlt{{else}}es ist nicht bekannt, auf wen sie lauten soll{{end}}. Deswegen wird nichts angehalten."},
			link:    "Rechnungsangaben machen",
			after:   []string{"Sie erhalten diese Mail, weil Ihnen {{.Organization}} gehört, weil Sie sie administrieren oder ihre Kosten sehen."},
		},
		InvoiceHeld: {
			subject: "Die Rechnung von {{.Organization}} für {{.Period}} ist zurückgehalten",
			before:  []string{"Sie kann nicht ausgestellt werden: die Organisation hat {{if eq .Reason `vat-id`}}keine MWST-Nummer{{else}}keine Rechnungsadresse{{end}} angegeben. Sie ist darum gebeten worden, und die Rechnung wird von selbst ausgestellt, sobald die Angabe da ist."},
			link:    "Zurückgehaltenes ansehen",
			after:   []string{"Sie erhalten diese Mail, weil Sie die Bücher des Betreibers führen."},
		},
		InvoiceFailed: {
			subject: "Der Abschluss von {{.Period}} für {{.Organization}} ist fehlgeschlagen",
			before:  []string{"Er wird von selbst wieder versucht und hält andere Organisationen nicht auf. Der Grund: {{.Reason}}"},
			link:    "Fehlgeschlagenes ansehen",
			after:   []string{"Sie erhalten diese Mail, weil Sie die Bücher des Betreibers führen."},
		},
		Invitation: {
			subject: "Sie sind zu {{.Organization}} eingeladen",
			before: []string{
				"{{if .Inviter}}{{.Inviter}} lädt Sie{{else}}Sie sind{{end}} {{if .Project}}in das Projekt {{.Project}} der{{else}}in die{{end}} Organisation {{.Organization}} {{if .Inviter}}ein{{else}}eingeladen{{end}}, mit der Rolle {{.Role}}.",
			},
			link:  "Einladung ansehen",
			after: []string{"Der Link gilt einmal, innerhalb von 7 Tagen, und nur für diese Adresse.", "Wenn Sie nicht wissen, von wem das kommt, brauchen Sie nichts zu tun."},
		},
	},
}
