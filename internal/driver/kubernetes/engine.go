package kubernetes

import (
	"context"
	"errors"
	"net"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
)

// Engine is how one service is carried out by a cluster, mostly by an operator
// in it. A service package implements it in its own folder.
type Engine interface {
	// Service is the name of the service package.
	Service() string
	// Kind is the main object of an instance: what an operator takes its orders
	// from, and whose loss is the loss of the instance.
	Kind() schema.GroupVersionResource
	// Operator names who acts on objects of Kind, for people.
	Operator() string
	// Version is what is ordered here.
	Version() driver.EngineVersion
	// Endpoint is the port that clients use and the name of the database, which
	// may be empty.
	Endpoint() (port int, database string)
	// Clients selects the pod that clients are led to.
	Clients() map[string]string
	// Members is how many pods an instance at a service level has.
	Members(serviceLevel string) int
	// Policies are the ports that members use among themselves at a service level, and
	// the namespaces from which the operator reaches them.
	Policies(serviceLevel string) (ports []int, operatorNamespaces []string)
	// ServerNames are the names, beside those that clients use, that a server
	// certificate has to carry.
	ServerNames(namespace string) []string
	// Reloaded are the labels of a Secret that the operator has the servers take
	// anew when it changes.
	Reloaded() map[string]string
	// Secrets are what the main object refers to.
	Secrets(job *Job) ([]*unstructured.Unstructured, error)
	// Main is the main object that makes the instance run as wanted, or keeps
	// it stopped.
	Main(job *Job, stopped bool) (*unstructured.Unstructured, error)
	// Look says what is true of the instance by its objects.
	Look(v View) Seen
	// Settle does what is left to do inside the running engine, and returns
	// ErrNotYet while something of what is wanted is not in force; it is then
	// called again after a while, if nothing changes before.
	Settle(ctx context.Context, job *Job, v View) error
	// LogLine turns a line of a pod's log into the user's; false leaves it out.
	LogLine(line []byte) ([]byte, bool)
}

// ReadEngine is an Engine whose instances may have members that only read.
type ReadEngine interface {
	Engine
	// Readers selects the pods that clients who only read are led to; nil: there
	// are none at a service level.
	Readers(serviceLevel string) map[string]string
}

// Careful is an Engine that refuses some of what is wanted before anything of it is
// changed.
type Careful interface {
	// Accept refuses what the service cannot do at all.
	Accept(want driver.Instance) error
	// Fits refuses what the running instance cannot become, such as a plan that its
	// data has no room in.
	Fits(ctx context.Context, job *Job, v View) error
}

// Keeper is an Engine whose volumes the driver makes, because no operator does.
type Keeper interface {
	// Claims are the volumes that an instance has, of the size that is wanted.
	Claims(job *Job) []*unstructured.Unstructured
}

// Addressed is an Engine whose members need addresses that outlive their pods.
type Addressed interface {
	// Addresses are Services, of which the job then has the addresses.
	Addresses(job *Job) []*unstructured.Unstructured
}

// Accompanied is an Engine whose members have more beside them than what the plan is
// for.
type Accompanied interface {
	// Beside is what each member may take for that at a service level.
	Beside(serviceLevel string) driver.Plan
}

// Tender is an Engine whose members nobody else replaces.
type Tender interface {
	// Tend takes the next step from the members that there are to those that the main
	// object describes, and sees to it that clients are led to the right one. It returns
	// ErrNotYet where the next step has to wait for what nobody tells of.
	Tend(ctx context.Context, job *Job, v View) error
}

// Logged is an Engine whose pods may have several containers.
type Logged interface {
	// LogContainer names the one whose log is the user's.
	LogContainer() string
}

// ErrNotYet: it is on its way by itself.
var ErrNotYet = errors.New("not yet in force")

// Job is what is wanted of one instance, and where.
type Job struct {
	Want      driver.Instance
	Namespace string
	Labels    map[string]string // of all objects of the instance
	// StorageClass and TopologyKey are the zone's.
	StorageClass, TopologyKey string
	// SourceHidden: connections do not show where they come from.
	SourceHidden bool
	// Place is where backups are kept, where the instance keeps some or is made of
	// one, and Restore what it is made of; nil where not.
	Place   *driver.BackupPlace
	Restore *Restore
	// Forced: what is stopped is stopped although it is not well.
	Forced bool
	// Addresses are those of the Services of an Addressed engine, by their names.
	Addresses map[string]string
	// Main is the main object as it was last seen, or nil.
	Main *unstructured.Unstructured

	driver *Driver
}

// Dial connects to a port of a pod, as seen from within the pod.
func (j *Job) Dial(ctx context.Context, pod string, port int) (net.Conn, error) {
	return j.driver.forward(ctx, j.Namespace, pod, port)
}

// Authority is the certificate, as PEM, of what signs the servers' certificates.
func (j *Job) Authority() []byte { return j.driver.authority.ca.CertPEM() }

// Secret derives a secret of the instance for a purpose: always the same.
func (j *Job) Secret(purpose string) []byte {
	return j.driver.authority.derive(j.Want.ID + "/" + purpose)
}

// Replace ends a pod in good order, unless that has been done; another takes its place.
func (j *Job) Replace(ctx context.Context, pod *unstructured.Unstructured) error {
	return j.driver.replace(ctx, pod)
}

// View is what the cluster has of an instance.
type View struct {
	Main    *unstructured.Unstructured // nil when there is none
	Pods    []*unstructured.Unstructured
	Volumes []*unstructured.Unstructured // claims
	// Warnings asks for the newest events about what is not ready, newest last;
	// nil means that there are none.
	Warnings func() []string
	// Certificate is the server's as it was issued last, as PEM; empty while the
	// driver does not know.
	Certificate []byte
	Want        driver.Instance
	// NodeDomain is the failure domain of a node, or "".
	NodeDomain func(node string) string
	// NodeAnswers says whether a node was heard of lately.
	NodeAnswers func(node string) bool
	TopologyKey string
}

// Seen is what an engine sees of an instance.
type Seen struct {
	Serving bool // clients are answered
	Whole   bool // every member is as it should be
	Stopped bool // nothing runs, and the data is kept
	// Stopping: it is on its way to be stopped, and gets there by itself.
	Stopping bool
	// Lost says what of the data is gone although its volumes are there.
	Lost string
	// Unrestored is why the instance does not come out of its backup; nil: nothing is
	// known to be wrong.
	Unrestored *driver.BlockedError
	// Run identifies what the running server begins without: when it changes,
	// Settle brings into force anew what lasts only until the server ends.
	Run string
	// Message says what is not as it should be, and BlockedBy who has to act.
	Message, BlockedBy string
	Primary            string // the pod that clients are led to
	Members            []driver.Member
	Conditions         []driver.Condition
}

// Absent names, for people, the members that are not ready.
func (s Seen) Absent() string {
	var names []string
	for _, m := range s.Members {
		if m.Ready {
			continue
		}
		name := m.Name
		if m.FailureDomain != "" {
			name += " in " + m.FailureDomain
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "The others are being made."
	}
	return "Not ready: " + strings.Join(names, ", ") + "."
}
