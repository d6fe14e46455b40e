package sso

import (
	"errors"
	"net/http"

	"golang.org/x/oauth2"

	"souk/internal/outbound"
	"souk/internal/problem"
)

// explain says in plain words why the provider could not be asked. Nothing that it
// sent is repeated.
func explain(err error) string {
	var (
		other   *otherIssuerError
		status  statusError
		refused *oauth2.RetrieveError
	)
	switch {
	case errors.Is(err, errEndpoints):
		return "Its addresses have to begin with https://."
	case errors.Is(err, outbound.ErrRedirect):
		return "It sends requests on to another address. Enter the issuer exactly as the provider names it."
	case errors.Is(err, outbound.ErrTooLarge):
		return "Its answer is larger than any provider's should be."
	case errors.Is(err, errNoJSON):
		return "What is at its address does not look like an OpenID Connect provider: the answer is no JSON."
	case errors.As(err, &other):
		return "It names itself differently from the issuer that was entered. Enter the issuer exactly as the provider names it, with or without a slash at its end."
	case errors.As(err, &status) && status == http.StatusNotFound:
		return "There is no OpenID Connect provider at its address (/.well-known/openid-configuration is not found)."
	case errors.As(err, &status):
		return "It answers with an error (status " + http.StatusText(int(status)) + ")."
	case errors.As(err, &refused):
		return "It refuses the client ID or the client secret, or does not know the sign-in any more."
	}
	return outbound.Explain(err)
}

// down is the problem of somebody whose provider cannot be asked.
func down(err error) *problem.Error {
	return problem.Conflict("sso-provider-down", "Your organization's identity provider cannot be used now. %s Try again later, or tell an owner of your organization; owners can log in with their password.", explain(err))
}

// refuse is the problem of somebody whom the provider's answer does not let in.
func refuse(code, format string, args ...any) *problem.Error {
	p := problem.Forbidden(format, args...)
	p.Code = code
	return p
}

// beginAgain is the problem of an answer that belongs to no sign-in of this browser.
func beginAgain() *problem.Error {
	p := problem.Conflict("sso-state", "This sign-in was not begun in this browser, has been used already, or took longer than %d minutes. Begin again.", int(flowLasts.Minutes()))
	p.Status = http.StatusBadRequest
	return p
}

// badToken is the problem of an answer that is not what the provider may say.
func badToken() *problem.Error {
	return refuse("sso-token", "What the identity provider answered cannot be trusted, so nobody was logged in. Begin again; if it stays so, tell an owner of your organization.")
}
