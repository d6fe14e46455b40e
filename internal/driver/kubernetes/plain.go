package kubernetes

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"souk/internal/driver"
)

// quotaUsedUp is said where a quota keeps something from being made.
const quotaUsedUp = "The quota of the instance's namespace is used up. The operator of the zone has to look at what else runs in it, and which quotas are set there; it then goes on by itself."

// plain turns what an API server refuses into what users read, and who has to
// act; other errors are as they were.
func plain(err error, operator string) error {
	var status apierrors.APIStatus
	if err == nil || !errors.As(err, &status) {
		return err
	}
	text := status.Status().Message
	blocked := func(who, format string, args ...any) error {
		return &driver.BlockedError{Message: fmt.Sprintf(format, args...), BlockedBy: who, Err: err}
	}
	switch {
	case strings.Contains(text, "failed calling webhook"):
		return blocked("operator", "A webhook of the zone's cluster does not answer, so that nothing can be changed there. If it is %s's: the operator of the zone has to start it again. What runs goes on running.", operator)
	case strings.Contains(text, "denied the request"), strings.Contains(text, "denied request"):
		return blocked("operator", "A rule of the zone's cluster refuses this instance. The operator of the zone finds its reason in the agent's log.")
	case strings.Contains(text, "exceeded quota"):
		return blocked("capacity", quotaUsedUp)
	case lacksRight(err):
		return blocked("operator", "The zone's agent lacks a right in its cluster. The operator of the zone has to apply the manifests that belong to the agent's version.")
	case apierrors.IsNotFound(err) && strings.Contains(text, "could not find the requested resource"):
		return absent(operator, err)
	case apierrors.IsInvalid(err):
		return blocked("operator", "The zone's cluster does not accept this instance as it is described. The operator of the zone finds the reason in the agent's log.")
	}
	return err
}

// lacksRight says that the agent may not do something, or not yet.
func lacksRight(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "cannot ")
}

// overtaken says that an instance's own quota has no room: what it is made for
// may just be being made by a request that nobody waited for.
func overtaken(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota: "+quotaName+",")
}

// absent: nobody carries the instance out.
func absent(operator string, err error) error {
	return &driver.BlockedError{
		Message:   fmt.Sprintf("%s is not installed in the zone's cluster. The operator of the zone has to install it.", operator),
		BlockedBy: "operator", Err: err,
	}
}
