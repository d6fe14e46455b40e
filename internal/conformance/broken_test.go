package conformance

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/servicepkg"
)

// service is a small service in memory, behind the calls that a run makes. What broken
// names does not work, as it would not with a package that somebody got wrong.
type service struct {
	mu        sync.Mutex
	broken    string
	instances map[string]*one
	backups   map[string]map[string]string // what was in them, by ID
	channel   *api.AlertChannelCreate
	work      []api.Maintenance
	putOff    any // the patch that waits for the window
	restores  []api.InPlaceRestore
}

// one is an instance of it.
type one struct {
	api.Instance
	data     map[string]string
	bindings map[string]*login // by name; "" is its own
	log      []string
	puts     int
	hangs    bool
	was      []api.AvailabilityInterval // the last goes on
}

// turn says what an instance counts as from now on.
func (i *one) turn(state string) {
	now := time.Now()
	if n := len(i.was); n > 0 {
		i.was[n-1].To = now
	}
	i.was = append(i.was, api.AvailabilityInterval{From: now, State: state})
}

// login is one log-in, with those before it that still get in.
type login struct {
	name, password string
	revoked        bool
	old            []api.Credentials
}

func newService(broken string) *service {
	return &service{broken: broken, instances: map[string]*one{}, backups: map[string]map[string]string{}}
}

// is says whether something is broken.
func (s *service) is(what string) bool { return s.broken == what }

func (s *service) definition() api.Service {
	return api.Service{Name: "memory", Plans: []api.Plan{{Name: "large", MemoryMiB: 2}, {Name: "small", MemoryMiB: 1}}, Offerings: []api.Offering{{
		Zone: "local", ServiceLevel: "best-effort",
		Capabilities: []api.Capability{{Name: "logs", Offered: true}, {Name: "metrics", Offered: true}, {Name: "availability", Offered: true}, {Name: "scaling", Offered: true}, {Name: "backup", Offered: true}, {Name: "alerting", Offered: true}, {Name: "maintenance", Offered: true}, {Name: "telepathy", Offered: true}, {Name: "levitation"}},
	}}, SLI: &api.ServiceSLI{Checks: []api.ServiceSLICheck{{Name: "read", Every: "20ms", Timeout: "20ms"}}}}
}

func (s *service) find(name string) (*one, error) {
	i := s.instances[name]
	if i == nil {
		return nil, &client.Error{Status: http.StatusNotFound, Detail: "There is no instance " + name + "."}
	}
	return i, nil
}

func (s *service) Instance(_ context.Context, name string) (api.Instance, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(name)
	if err != nil {
		return api.Instance{}, "", err
	}
	return i.Instance, "", nil
}

func (s *service) Instances(_ context.Context, opt client.ListOptions) (list []api.Instance, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.instances {
		matches := true
		for k, v := range opt.Labels {
			matches = matches && i.Metadata.Labels[k] == v
		}
		if matches {
			list = append(list, i.Instance)
		}
	}
	return list, nil
}

func (s *service) Order(_ context.Context, o api.InstanceOrder) (api.Instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is("orders are refused") {
		return api.Instance{}, &client.Error{Status: 422, Detail: "The zone has no room."}
	}
	i := &one{data: map[string]string{}, bindings: map[string]*login{"": {name: "own", password: "p0"}}}
	i.Metadata.ID, i.Metadata.Name, i.Metadata.Labels = fmt.Sprint("id-", len(s.instances)), o.Metadata.Name, o.Metadata.Labels
	if o.Spec.Plan == "" {
		o.Spec.Plan = "small"
	}
	i.Spec = o.Spec
	i.Metadata.CreatedAt, i.Status.Version = time.Now(), "1.0"
	i.Spec.StorageGiB, i.Spec.AllowedNetworks, i.Spec.Parameters, i.Spec.Logs = 1, []string{"0.0.0.0/0", "::/0"}, map[string]any{}, &api.LogsSpec{RetentionDays: 7}
	maps.Copy(i.Spec.Parameters, o.Spec.Parameters)
	i.ready()
	i.turn("up")
	if from := o.RestoreFrom; from != nil {
		maps.Copy(i.data, s.backups[from.Backup])
	}
	if s.is("it never becomes ready") {
		i.Status.Phase, i.Status.Message = api.PhaseFailed, "The server does not start."
	}
	s.instances[o.Metadata.Name] = i
	return i.Instance, nil
}

func (i *one) ready() {
	i.Status.Phase, i.Status.AppliedPlan, i.Status.AppliedStorageGiB = api.PhaseReady, i.Spec.Plan, i.Spec.StorageGiB
	i.Status.Endpoint = &api.Endpoint{Host: "memory", Port: 1, CA: "the right one", ReadHost: "copy", ReadPort: 2}
}

func wrong(field string) error {
	return &client.Error{Status: http.StatusUnprocessableEntity, Detail: "It is wrong.", Fields: []client.FieldError{{Location: "body.spec." + field, Message: "It is wrong."}}}
}

// change applies a patch to a spec, or says what is wrong with it.
func (s *service) change(spec *api.InstanceSpec, patch any) error {
	want := patch.(map[string]any)["spec"].(map[string]any)
	if p, ok := want["parameters"].(map[string]any); ok {
		for name, value := range p {
			switch {
			case name != "speed" && !s.is("unknown parameters are taken"):
				return wrong("parameters." + name)
			case value == "never" && s.is("what is wrong is refused without its name"):
				return &client.Error{Status: 422, Detail: "Something is wrong."}
			case value == "never" && !s.is("wrong values are taken"):
				return wrong("parameters." + name)
			case value == nil:
				delete(spec.Parameters, name)
			case !s.is("settings do not come into force"):
				spec.Parameters[name] = value
			}
		}
	}
	if l, ok := want["logs"].(map[string]any); ok {
		days := l["retentionDays"].(int)
		if days < 1 && !s.is("logs are kept for any number of days") {
			return wrong("logs.retentionDays")
		}
		if !s.is("days of logs are forgotten") {
			spec.Logs = &api.LogsSpec{RetentionDays: days}
		}
	}
	if n, ok := want["allowedNetworks"].([]string); ok && !s.is("networks are not kept out") {
		spec.AllowedNetworks = n
	}
	if plan, ok := want["plan"].(string); ok && !s.is("plans are not changed") {
		spec.Plan = plan
	}
	if n, ok := want["storageGiB"].(int64); ok {
		if n < spec.StorageGiB && !s.is("storage shrinks") {
			return wrong("storageGiB")
		}
		spec.StorageGiB = n
	}
	return nil
}

func (s *service) Patch(_ context.Context, name string, patch any, _ string) (api.Instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(name)
	if err != nil {
		return api.Instance{}, err
	}
	before := i.Spec.Plan
	if err := s.change(&i.Spec, patch); err != nil {
		return api.Instance{}, err
	}
	if i.Spec.Plan != before && s.is("a change of plan loses the data") {
		clear(i.data)
	}
	i.ready()
	return i.Instance, nil
}

func (s *service) PreviewPatch(_ context.Context, name string, patch any) (api.Preview, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is("nothing is said before") {
		return api.Preview{}, nil
	}
	return api.Preview{Changes: []api.Change{{Field: "spec"}}}, nil
}

func (s *service) Suspend(_ context.Context, name string, _ api.SuspendRequest) (api.Instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[name]
	i.Status.Phase = api.PhaseSuspended
	i.turn("outside-service")
	return i.Instance, nil
}

func (s *service) Resume(_ context.Context, name string, _ api.SuspendRequest) (api.Instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[name]
	i.ready()
	i.turn("up")
	return i.Instance, nil
}

// hang has an instance answer nobody.
func (s *service) hang(ctx context.Context, c api.Credentials, lasting time.Duration) error {
	hangs := func(yes bool, state string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		i := s.instances[c.Instance]
		i.hangs = yes
		i.turn(state)
	}
	hangs(true, "down")
	defer hangs(false, "up")
	return pass(ctx, lasting)
}

func (s *service) Availability(_ context.Context, name, _ string) (api.Availability, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := api.Availability{Until: time.Now()}
	if s.is("availability is not measured") {
		out.NotMeasured = "Nobody tries it."
	}
	if s.is("availability is never told") {
		out.Until = time.Time{}
	}
	for _, w := range s.instances[name].was {
		if w.To.IsZero() {
			w.To = out.Until
		}
		switch {
		case s.is("availability is always up"), s.is("an outage goes unnoticed") && w.State == "down":
			w.State = "up"
		case s.is("nothing of availability is known"):
			w.State = "no-data"
		case s.is("being suspended counts as down") && w.State == "outside-service", s.is("availability is always down"):
			w.State = "down"
		case s.is("an outage is told late") && w.State == "down":
			w.From, w.To = w.From.Add(100*time.Millisecond), w.To.Add(100*time.Millisecond)
		}
		out.Intervals = append(out.Intervals, w)
	}
	return out, nil
}

func (s *service) Delete(_ context.Context, name string) (api.Instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(name)
	if err != nil {
		return api.Instance{}, err
	}
	i.Status.Phase = api.PhaseDeleted
	if !s.is("deleting is for good") {
		at := i.Metadata.CreatedAt
		i.Status.PurgeAt = &at
	}
	return i.Instance, nil
}

func (s *service) Undelete(_ context.Context, name string) (api.Instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(name)
	if err != nil {
		return api.Instance{}, err
	}
	if i.ready(); s.is("what is brought back is empty") {
		clear(i.data)
	}
	if s.is("what is brought back has another password") {
		i.bindings[""].password = "another"
	}
	return i.Instance, nil
}

func (s *service) Credentials(ctx context.Context, name string) (api.Credentials, error) {
	return s.BindingCredentials(ctx, name, "")
}

func (s *service) BindingCredentials(_ context.Context, name, binding string) (api.Credentials, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(name)
	if err != nil {
		return api.Credentials{}, err
	}
	return credentials(name, *i.Status.Endpoint, i.bindings[binding]), nil
}

func credentials(instance string, at api.Endpoint, l *login) api.Credentials {
	return api.Credentials{Instance: instance, Endpoint: at, Login: l.name, Password: l.password}
}

func (s *service) CreateBinding(_ context.Context, name string, b api.BindingCreate) (api.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is("no binding can be made") {
		return api.Binding{}, &client.Error{Status: 500}
	}
	s.instances[name].bindings[b.Name] = &login{name: b.Name, password: "p1"}
	return api.Binding{}, nil
}

func (s *service) RotateBinding(_ context.Context, name, binding string, _ api.BindingRotate) (api.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[name]
	l := i.bindings[binding]
	if s.is("a rotation leaves the old log-in") {
		l.old = append(l.old, credentials(name, *i.Status.Endpoint, l))
	}
	if !s.is("a rotation does nothing") {
		l.password += "+"
	}
	return api.Binding{}, nil
}

func (s *service) RevokeBinding(_ context.Context, name, binding string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instances[name].bindings[binding].revoked = !s.is("what is revoked goes on")
	return nil
}

func (s *service) Logs(_ context.Context, name string, _ client.LogOptions) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is("the log cannot be read") {
		return nil, errors.New("the zone does not answer")
	}
	return io.NopCloser(strings.NewReader(strings.Join(s.instances[name].log, "\n"))), nil
}

func (s *service) Metrics(_ context.Context, name string, _ client.MetricsSpan) (api.Metrics, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := float64(s.instances[name].puts)
	if s.is("figures stand still") {
		value = 1
	}
	series := api.MetricsSeries{Legend: "writes", Values: []*float64{nil, &value, nil}}
	if s.is("there are no figures") {
		series.Values = []*float64{nil}
	}
	return api.Metrics{Panels: []api.MetricsPanel{{Title: "Load", Series: []api.MetricsSeries{series}}}}, nil
}

// prover uses the service in memory.
func (s *service) prover() *servicepkg.Prover {
	return &servicepkg.Prover{
		Connect: func(_ context.Context, c api.Credentials) (servicepkg.Session, error) {
			if c.Endpoint.CA != "the right one" && !s.is("any certificate will do") {
				return nil, errors.New("certificate signed by unknown authority")
			}
			return s.letIn(c)
		},
		Plain: func(_ context.Context, c api.Credentials) error {
			if s.is("TLS is not needed") {
				return nil
			}
			return errors.New("no encryption")
		},
		Setting: servicepkg.Setting{Parameter: "speed", Value: "fast", Shown: "fast", Bad: "never"},
		Figure:  servicepkg.Figure{Panel: "Load", Legend: "writes"},
		Hang:    s.hang,
		Faults: []servicepkg.Fault{
			{Alerts: []string{"overload", "refusals"}, Provoke: s.provoke("overload", "refusals")},
			{Alerts: []string{"hiccup"}, Passes: true, Provoke: s.provoke("hiccup")},
			{Alerts: []string{"flood"}, Provoke: func(context.Context, api.Credentials) (func(), error) {
				return nil, fmt.Errorf("%w: it has too much room", servicepkg.ErrNotProvoked)
			}},
		},
	}
}

func (s *service) letIn(c api.Credentials) (*caller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.may(c); err != nil {
		return nil, err
	}
	return &caller{s, s.instances[c.Instance], c}, nil
}

// may says why somebody does not get in.
func (s *service) may(c api.Credentials) error {
	i := s.instances[c.Instance]
	switch {
	case i.Status.Phase == api.PhaseSuspended && s.is("what is suspended goes on"):
	case i.hangs, i.Status.Phase != api.PhaseReady && !s.is("deleted instances go on"):
		return errors.New("connection refused")
	case i.Spec.AllowedNetworks[0] != "0.0.0.0/0":
		return errors.New("not from there")
	case s.is("nobody gets in"):
		return errors.New("password refused")
	}
	for _, l := range i.bindings {
		for _, known := range append(l.old, credentials(c.Instance, c.Endpoint, l)) {
			right := known.Login == c.Login && (known.Password == c.Password || s.is("any password will do"))
			if right && !l.revoked {
				return nil
			}
		}
	}
	return errors.New("password refused")
}

// caller is a session.
type caller struct {
	s *service
	i *one
	c api.Credentials
}

func (c *caller) Put(_ context.Context, key, value string) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.is("nothing can be written") || c.atCopy() && !c.s.is("copies take writes") {
		return errors.New("read only")
	}
	c.i.puts++
	c.i.data[key] = value
	return nil
}

func (c *caller) Get(_ context.Context, key string) (string, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if err := c.s.may(c.c); err != nil && !c.s.is("sessions of the revoked go on") {
		return "", err
	}
	if c.atCopy() && c.s.is("copies do not follow") {
		return "", nil
	}
	return c.i.data[key], nil
}

// atCopy says whether it is connected to the address to read from.
func (c *caller) atCopy() bool { return c.c.Endpoint.Host == "copy" }

func (c *caller) Setting(context.Context) (string, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if v, ok := c.i.Spec.Parameters["speed"].(string); ok {
		return v, nil
	}
	return "slow", nil
}

func (c *caller) Log(context.Context) (string, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if !c.s.is("nothing is logged") {
		c.i.log = append(c.i.log, "a line of interest")
	}
	return "line of interest", nil
}

func (c *caller) Close() {}

func (s *service) BackUp(_ context.Context, name string) (api.Backup, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprint("backup-", len(s.backups))
	if s.backups[id] = maps.Clone(s.instances[name].data); s.is("backups are empty") {
		clear(s.backups[id])
	}
	if s.is("backups are of what is now") {
		s.backups[id] = s.instances[name].data
	}
	return api.Backup{ID: id}, nil
}

func (s *service) RestoreInPlace(_ context.Context, name string, in api.RestoreInPlace) (api.InPlaceRestore, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Confirm != name && !s.is("restores in place need no confirmation") {
		return api.InPlaceRestore{}, wrong("confirm")
	}
	i := s.instances[name]
	w := api.InPlaceRestore{ID: fmt.Sprint(len(s.restores)), SafetyBackup: fmt.Sprint("safety-", len(s.restores)), State: "completed"}
	if s.backups[w.SafetyBackup] = maps.Clone(i.data); s.is("what there was before a restore in place is lost") {
		clear(s.backups[w.SafetyBackup])
	}
	switch {
	case s.is("restores in place fail"):
		w.State, w.Message = "failed", "The backup cannot be read."
	case !s.is("restores in place do nothing"):
		i.data = maps.Clone(s.backups[in.Backup])
	}
	s.restores = append(s.restores, w)
	return w, nil
}

func (s *service) InPlaceRestores(context.Context, string) (api.InPlaceRestoreList, error) {
	return api.InPlaceRestoreList{}, nil
}

func (s *service) InPlaceRestore(_ context.Context, _, id string) (api.InPlaceRestore, error) {
	for _, w := range s.restores {
		if w.ID == id {
			return w, nil
		}
	}
	return api.InPlaceRestore{}, &client.Error{Status: http.StatusNotFound}
}

func (s *service) Backup(_ context.Context, _, id string) (api.Backup, error) {
	if s.is("backups fail") {
		return api.Backup{ID: id, State: "failed", Message: "The store is away."}, nil
	}
	return api.Backup{ID: id, State: "completed"}, nil
}

func (s *service) Backups(context.Context, string) (api.BackupList, error) {
	return api.BackupList{}, nil
}

func (s *service) Runbook(_ context.Context, instance, name string) (api.Runbook, error) {
	if s.is("the runbook mends nothing") || name == "hiccup" {
		return api.Runbook{Text: "# Think of something"}, nil
	}
	return api.Runbook{Text: "Do this:\n\nsouk --project p update " + instance + " --plan large --wait\n"}, nil
}

// souk carries out a command of the runbook: the fault is over by it.
func (s *service) souk(_ context.Context, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is("the runbook's command fails") {
		return errors.New("unknown flag")
	}
	if !s.is("alerts never end") {
		s.tell("overload", args[3], "resolved")
		s.tell("refusals", args[3], "resolved")
	}
	return nil
}

// provoke has alerts fire. That of a hiccup ends with it.
func (s *service) provoke(alerts ...string) func(context.Context, api.Credentials) (func(), error) {
	return func(_ context.Context, c api.Credentials) (func(), error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, alert := range alerts {
			if !s.is("nobody is told") && !(s.is("one alert of two is not told") && alert == "refusals") {
				s.tell(alert, c.Instance, "firing")
			}
		}
		return func() {
			if alerts[0] == "hiccup" && !s.is("an alert outlives its cause") {
				s.tell("hiccup", c.Instance, "resolved")
			}
		}, nil
	}
}

// tell sends the webhook what an alert of an instance is.
func (s *service) tell(alert, instance, status string) {
	key := []byte("secret of the channel")
	if s.is("messages are not signed") {
		key = []byte("another")
	}
	body := `{"data":{"alerts":[{"name":"` + alert + `","instance":"` + instance + `","status":"` + status + `"}]}}`
	sum := hmac.New(sha256.New, key)
	io.WriteString(sum, "id.1."+body)
	r, err := http.NewRequest("POST", s.channel.URL, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("webhook-id", "id")
	r.Header.Set("webhook-timestamp", "1")
	r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
	}
}

func (s *service) CreateAlertChannel(_ context.Context, c api.AlertChannelCreate) (api.AlertChannel, error) {
	s.channel = &c
	return api.AlertChannel{Name: c.Name, Secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("secret of the channel"))}, nil
}

func (s *service) TestAlertChannel(context.Context, string) (api.AlertDelivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	broken := s.broken
	s.broken = ""
	s.tell("", "", "test")
	s.broken = broken
	return api.AlertDelivery{}, nil
}

func (s *service) DeleteAlertChannel(context.Context, string) error {
	s.channel = nil
	return nil
}

func (s *service) AlertChannels(context.Context) ([]api.AlertChannel, error) { return nil, nil }

func (s *service) FiringAlerts(context.Context, string) ([]api.Alert, error) {
	return []api.Alert{{Name: "overload", Runbook: "overload"}, {Name: "refusals", Runbook: "overload"}, {Name: "hiccup", Runbook: "hiccup"}}, nil
}

func (s *service) Drills(context.Context, string) (api.DrillList, error) {
	return api.DrillList{}, nil
}

func (s *service) StartDrill(context.Context, string) (api.Drill, error) {
	return api.Drill{ID: "drill"}, nil
}

func (s *service) Drill(context.Context, string, string) (api.Drill, error) {
	if s.is("drills fail") {
		return api.Drill{State: "failed", Message: "A page is damaged."}, nil
	}
	return api.Drill{State: "passed", Certificate: !s.is("drills have no certificate"), Result: &api.DrillResult{}}, nil
}

func (s *service) PatchInWindow(ctx context.Context, name string, patch any) (api.Instance, error) {
	if s.is("what is put off is done at once") {
		return s.Patch(ctx, name, patch, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.putOff = patch; !s.is("what is put off is forgotten") {
		s.work = append(s.work, api.Maintenance{ID: "plan", State: "planned", From: time.Unix(2, 0), DeferUntil: new(time.Time), CreatedAt: time.Unix(1, 0)})
	}
	return s.instances[name].Instance, nil
}

// Maintenance has a newer version planned by itself, where there are two.
func (s *service) Maintenance(context.Context, string, int) ([]api.Maintenance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if two := !s.is("there is one version only"); two && (len(s.work) == 0 || s.work[0].Version == "") {
		s.work = slices.Insert(s.work, 0, api.Maintenance{ID: "version", Title: "Version 1.1", Version: "1.1", State: "planned"})
	}
	return slices.Clone(s.work), nil
}

func (s *service) OneMaintenance(_ context.Context, _, id string) (api.Maintenance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.job(id), nil
}

func (s *service) job(id string) *api.Maintenance {
	return &s.work[slices.IndexFunc(s.work, func(m api.Maintenance) bool { return m.ID == id })]
}

func (s *service) DeferMaintenance(_ context.Context, _, id string, _ api.MaintenanceDefer) (api.Maintenance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.is("nothing can be put off again") {
		s.job(id).From = time.Unix(3, 0)
	}
	return *s.job(id), nil
}

func (s *service) RunMaintenance(_ context.Context, name, id string) (api.Maintenance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, job := s.instances[name], s.job(id)
	job.State = "completed"
	switch {
	case id == "version" && s.is("a newer version does not start"), id == "plan" && s.is("the work fails"):
		job.State, job.Message = "failed", "The server did not start."
	case id == "version" && s.is("a newer version is not brought in"), id == "plan" && s.is("the work does nothing"):
	case id == "version":
		if i.Status.Version = job.Version; s.is("a newer version loses the data") {
			clear(i.data)
		}
	default:
		i.Spec.Plan = s.putOff.(map[string]any)["spec"].(map[string]any)["plan"].(string)
		i.ready()
	}
	return *job, nil
}
