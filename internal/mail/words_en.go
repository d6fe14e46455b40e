package mail

var english = language{
	roles:  map[string]string{"owner": "owner", "admin": "admin", "editor": "editor", "viewer": "viewer", "billing": "billing"},
	footer: "This mail was sent by Souk at",
	messages: map[Kind]wording{
		SignUp: {
			subject: "Confirm your e-mail address",
			before:  []string{"Somebody, you we hope, signed up with this address to make the organization {{.Organization}}.", "Confirm that the address is yours, and you are signed in:"},
			link:    "Confirm the address",
			after:   []string{"The link works once, within 24 hours.", "If this was not you, do nothing: no account is made without the link."},
		},
		KnownAddress: {
			subject: "You have an account already",
			before:  []string{"Somebody, you perhaps, signed up with this address. It has an account already, so nothing was changed.", "Log in with the account that you have. If you do not remember its password, you can choose a new one there."},
			link:    "Log in",
			after:   []string{"If this was not you, there is nothing that you need to do."},
		},
		Reset: {
			subject: "Choose a new password",
			before:  []string{"Somebody, you we hope, asked for a new password for the account with this address."},
			link:    "Choose a new password",
			after:   []string{"The link works once, within an hour. A new password ends all sessions of the account.", "If this was not you, do nothing: the password stays as it is."},
		},
		PasswordChanged: {
			subject: "Your password was changed",
			before:  []string{"The password of the account with this address was changed, and other sessions were ended.", "If this was not you, choose a new password at once:"},
			link:    "Choose a new password",
		},
		SecondFactorOn: {
			subject: "The second factor is on",
			before:  []string{"Logging in to the account with this address now takes a code beside the password.", "If that was not you, somebody was logged in to your account. Choose a new password at once, and turn to the operator:"},
			link:    "Choose a new password",
		},
		SecondFactorOff: {
			subject: "The second factor is off",
			before:  []string{"The password alone is now enough again to log in to the account with this address.", "If that was not you, choose a new password at once, and turn the second factor on again:"},
			link:    "Choose a new password",
		},
		RecoveryCodesRenewed: {
			subject: "You have new recovery codes",
			before:  []string{"The second factor of the account with this address has new recovery codes. Those before are of no use any more.", "If that was not you, choose a new password at once, and make new recovery codes once more:"},
			link:    "Choose a new password",
		},
		Maintenance: {
			subject: "Planned maintenance of instances of {{.Organization}}",
			link:    "See all maintenance",
			after:   []string{"What is planned can be put off, approved or done at once there. You get this mail because you are a member of {{.Organization}}."},
		},
		SLAReport: {
			subject: "SLA report of {{.Organization}} for {{.Period}}",
			before:  []string{"The month is over, and this is how available the instances of {{.Organization}} were:"},
			link:    "See the report, as a page, PDF or signed",
			after:   []string{"You get this mail once a month because you are an owner or administrator of {{.Organization}}, or see its costs."},
		},
		Invoice: {
			subject: "Invoice {{.Number}} of {{.Organization}} for {{.Period}}",
			before:  []string{"The invoice of {{.Organization}} for {{.Period}} is attached. It says how much is to be paid, by when and to which account."},
			link:    "See the invoice, with all of its forms",
			after:   []string{"You get this mail because invoices of {{.Organization}} are sent to this address. Its administrators can name another among the billing details."},
		},
		CreditNote: {
			subject: "Credit note {{.Number}} of {{.Organization}}",
			before:  []string{"A credit note for {{.Organization}} is attached. It says which invoice it corrects, and how much is given back."},
			link:    "See the credit note, with all of its forms",
			after:   []string{"You get this mail because invoices of {{.Organization}} are sent to this address. Its administrators can name another among the billing details."},
		},
		BillingDetails: {
			subject: "The invoice of {{.Organization}} waits for billing details",
			before:  []string{"The invoice of {{.Organization}} for {{.Period}} cannot be issued yet: {{if eq .Reason `vat-id`}}the VAT number is missing{{else}}it is not known whom it is to be made out to{{end}}. Nothing stops running for that."},
			link:    "Give the billing details",
			after:   []string{"You get this mail because you are an owner or administrator of {{.Organization}}, or see its costs."},
		},
		InvoiceHeld: {
			subject: "The invoice of {{.Organization}} for {{.Period}} is held",
			before:  []string{"It cannot be issued: {{if eq .Reason `vat-id`}}the organization has given no VAT number{{else}}the organization has given no billing address{{end}}. The organization has been asked for it, and the invoice is issued by itself once it is there."},
			link:    "See what is held",
			after:   []string{"You get this mail because you keep the operator's books."},
		},
		InvoiceFailed: {
			subject: "Closing {{.Period}} of {{.Organization}} has failed",
			before:  []string{"It is tried again by itself, and other organizations are not kept by it. The reason: {{.Reason}}"},
			link:    "See what has failed",
			after:   []string{"You get this mail because you keep the operator's books."},
		},
		DunningReminder: {
			subject: "Reminder: an invoice to {{.Organization}} is due",
			before:  []string{"It may have escaped you: what follows was due, and has not been paid. If you have paid by now, there is nothing that you need to do."},
			link:    "See what is open",
			after:   []string{"Whatever you cannot pay now: write to us, and we find a way."},
		},
		DunningSecond: {
			subject: "Second reminder: an invoice to {{.Organization}} is overdue",
			before:  []string{"We have reminded you, and what follows has not been paid. Please pay it now, or write to us."},
			link:    "See what is open",
			after:   []string{"What is not paid in the end leads to the suspension of instances, which we announce before."},
		},
		DunningAnnounced: {
			subject: "Instances of {{.Organization}} will be suspended on {{.Period}}",
			before:  []string{"What follows is still not paid. Unless it is, the instances of {{.Organization}} are suspended on {{.Period}}: they stop, and their data, backups, addresses and log-ins are kept."},
			link:    "See what is open",
			after:   []string{"Once what is due is paid they start again by themselves. Write to us if you cannot pay."},
		},
		DunningSuspended: {
			subject: "Instances of {{.Organization}} are suspended",
			before:  []string{"As announced, the instances of {{.Organization}} are suspended, as what follows is not paid. Their data, backups, addresses and log-ins are kept; nothing is deleted."},
			link:    "See what is open",
			after:   []string{"Once what is due is paid they start again by themselves."},
		},
		Budget: {
			subject: "Budget {{.Budget}} of {{.Organization}} in {{.Period}}",
			link:    "See the budgets",
			after:   []string{"You get this mail, once for each threshold and month, because you are an owner or administrator of {{.Organization}}, or see its costs."},
		},
		Prices: {
			subject: "New prices for instances of {{.Organization}} from {{.Period}} on",
			before:  []string{"From {{.Period}} on other prices hold for instances of {{.Organization}}. What was used before that is charged as it was."},
			link:    "See the costs",
			after: []string{
				"On an instance's page you can change its plan, and see what that would cost before you do, or delete it. Nothing has to be done for it to go on at the new prices. They are without tax, and before discounts that were agreed on.",
				"You get this mail once for each change of prices, because invoices of {{.Organization}} are sent to this address, or you are an owner or administrator of it, or see its costs.",
			},
		},
		Alerts: {
			subject: "Alerts about instances of {{.Organization}}",
			link:    "See all alerts",
			after:   []string{"You get this mail because an alert channel of {{.Organization}} has your address. Its administrators can delete the channel."},
		},
		Invitation: {
			subject: "You are invited to {{.Organization}}",
			before: []string{
				"{{if .Inviter}}{{.Inviter}} invites you{{else}}You are invited{{end}} to {{if .Project}}the project {{.Project}} of {{end}}the organization {{.Organization}}, with the role {{.Role}}.",
			},
			link:  "See the invitation",
			after: []string{"The link works once, within 7 days, and for this address only.", "If you do not know who this is, do nothing."},
		},
	},
}
