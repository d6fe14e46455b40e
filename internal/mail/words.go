package mail

// language is how all messages are worded in one language.
type language struct {
	roles    map[string]string
	footer   string // before the public address
	messages map[Kind]wording
}

var languages = map[string]language{"en": english, "de": german}
