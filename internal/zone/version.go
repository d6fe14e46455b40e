package zone

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"souk/internal/problem"
)

// release is the form of a release's version. Builds between releases have more
// after it, and are let in whatever they are.
var release = regexp.MustCompile(`^v?(\d{1,6})\.(\d{1,6})\.\d{1,6}(-rc\.?\d+)?$`)

// minorOf is a release's version without its last part.
func minorOf(version string) (major, minor int, ok bool) {
	m := release.FindStringSubmatch(version)
	if m == nil {
		return 0, 0, false
	}
	major, _ = strconv.Atoi(m[1])
	minor, _ = strconv.Atoi(m[2])
	return major, minor, true
}

// VersionProblem says why an agent of a version cannot work with the control plane
// of another, and which of the two to upgrade to what; or "". They may be one minor
// version apart.
func VersionProblem(controlPlane, agent string) string {
	major, minor, known := minorOf(controlPlane)
	agentMajor, agentMinor, agentKnown := minorOf(agent)
	if !known || !agentKnown || (major == agentMajor && minor-agentMinor <= 1 && agentMinor-minor <= 1) {
		return ""
	}
	if agentMajor < major || (agentMajor == major && agentMinor < minor) {
		return fmt.Sprintf("The zone's agent is version %s and too old for the control plane, which is %s: they may be one minor version apart. Upgrade the agent to %s. Until then instances run on as last wanted.", agent, controlPlane, controlPlane)
	}
	return fmt.Sprintf("The zone's agent is version %s and too new for the control plane, which is %s: they may be one minor version apart. Upgrade the control plane to %s, or install the agent of version %s. Until then instances run on as last wanted.", agent, controlPlane, agent, controlPlane)
}

func errVersion(detail string) error {
	return &problem.Error{Status: http.StatusUpgradeRequired, Code: "agent-version", Detail: detail}
}
