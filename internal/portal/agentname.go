package portal

import "strings"

// agentName is what people call a client: the browser and the system, or the
// program. What it calls itself cannot be relied on.
func (v *visit) agentName(userAgent string) string {
	if version, ok := strings.CutPrefix(userAgent, "souk/"); ok {
		return v.T("agent.souk", "version", version)
	}
	browser, system := first(userAgent, browsers), first(userAgent, systems)
	switch {
	case browser != "" && system != "":
		return v.T("agent.on", "browser", browser, "system", system)
	case browser != "":
		return browser
	case userAgent == "":
		return v.T("agent.unknown")
	}
	return userAgent
}

// named is a word by which something is known, and its name.
type named struct{ word, name string }

// Most browsers claim to be others as well; the telling word is first.
var (
	browsers = []named{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}}
	systems  = []named{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

func first(text string, of []named) string {
	for _, n := range of {
		if strings.Contains(text, n.word) {
			return n.name
		}
	}
	return ""
}
