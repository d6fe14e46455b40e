package metrics

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/golang/snappy"
	"github.com/google/uuid"
	"github.com/prometheus/prometheus/prompb"
	"golang.org/x/time/rate"
)

// Limits of what a zone may send.
const (
	MaxBody      = 4 << 20  // of one request, as it travels
	maxUnpacked  = 32 << 20 // the same, unpacked
	maxOfOne     = 1000     // series of one instance within a day
	maxLabels    = 20
	maxText      = 500       // bytes of a label's value, or of a name
	perSecond    = 100_000   // samples of a zone ...
	burst        = 2_000_000 // ... and at once
	early        = 2 * time.Minute
	knownFor     = time.Minute
	countedAnew  = 24 * time.Hour
	samplesAtOne = 1_000_000 // in one request
)

// ErrMalformed is a request that is no remote write; repeating it cannot help.
var ErrMalformed = errors.New("the samples are not what this takes: remote write 1.0, compressed by snappy")

// SlowError says that a zone sends more than it may.
type SlowError struct{ Wait time.Duration }

func (e *SlowError) Error() string {
	return "The zone sends more samples than are taken in. Send the same again later."
}

// Owner is whose series an instance's are.
type Owner struct{ Organization, Project, Instance, Zone, Service string }

// Receiver takes in what agents send.
type Receiver struct {
	Store Store
	// Owners finds, of the instances, those in the zone that are not purged.
	Owners func(ctx context.Context, zone uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]Owner, error)
	Now    func() time.Time // real time

	mu    sync.Mutex
	zones map[uuid.UUID]*sender
}

// sender is what is remembered of a zone.
type sender struct {
	limit *rate.Limiter
	known map[uuid.UUID]*target
	since time.Time // of the counts
}

// target is an instance that samples come from.
type target struct {
	owner  Owner
	own    bool // it is the zone's
	until  time.Time
	series map[uint64]struct{}
}

// Receipt says what became of a request's samples.
type Receipt struct {
	Accepted int `json:"accepted"`
	// SetAside are those that are not kept: of instances that are not the zone's,
	// too old or too early, misnamed, or too many of one instance.
	SetAside int `json:"setAside"`
}

// Receive keeps the samples of a request, stamped with whose they are. What cannot
// be kept is set aside and does not hold up the rest. ErrMalformed and ErrRefused
// cannot be helped by repeating; ErrAway and *SlowError can.
func (r *Receiver) Receive(ctx context.Context, zone uuid.UUID, body []byte) (Receipt, error) {
	request, total, err := unpack(body)
	if err != nil {
		return Receipt{}, err
	}
	if err := r.slow(zone, total); err != nil {
		return Receipt{}, err
	}
	owners, err := r.ownersOf(ctx, zone, request)
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	var kept []prompb.TimeSeries
	for _, series := range request.Timeseries {
		stamped, ok := r.stamped(zone, series, owners)
		if ok {
			kept = append(kept, stamped)
			receipt.Accepted += len(stamped.Samples)
		}
	}
	receipt.SetAside = total - receipt.Accepted
	if len(kept) == 0 {
		return receipt, nil
	}
	return receipt, r.Store.Append(ctx, kept)
}

// unpack reads a request and counts its samples.
func unpack(body []byte) (*prompb.WriteRequest, int, error) {
	if size, err := snappy.DecodedLen(body); err != nil || size > maxUnpacked {
		return nil, 0, ErrMalformed
	}
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, 0, ErrMalformed
	}
	request := new(prompb.WriteRequest)
	if err := request.Unmarshal(raw); err != nil {
		return nil, 0, ErrMalformed
	}
	total := 0
	for _, s := range request.Timeseries {
		total += len(s.Samples)
	}
	if total > samplesAtOne {
		return nil, 0, ErrMalformed
	}
	return request, total, nil
}

// slow refuses samples of a zone that has sent too many.
func (r *Receiver) slow(zone uuid.UUID, samples int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	reservation := r.sender(zone, now).limit.ReserveN(now, samples)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return &SlowError{wait}
	}
	return nil
}

// sender is what is remembered of the zone. Called with mu held.
func (r *Receiver) sender(zone uuid.UUID, now time.Time) *sender {
	if r.zones == nil {
		r.zones = map[uuid.UUID]*sender{}
	}
	s := r.zones[zone]
	if s == nil {
		s = &sender{limit: rate.NewLimiter(perSecond, burst), known: map[uuid.UUID]*target{}, since: now}
		r.zones[zone] = s
	}
	if now.Sub(s.since) > countedAnew {
		s.known, s.since = map[uuid.UUID]*target{}, now
	}
	return s
}

// ownersOf finds out whose the request's instances are, and remembers it a while.
func (r *Receiver) ownersOf(ctx context.Context, zone uuid.UUID, request *prompb.WriteRequest) (map[uuid.UUID]*target, error) {
	asked := map[uuid.UUID]*target{}
	for _, series := range request.Timeseries {
		if id, err := uuid.Parse(value(series.Labels, LabelID)); err == nil {
			asked[id] = nil
		}
	}
	missing := r.remembered(zone, asked)
	if len(missing) == 0 {
		return asked, nil
	}
	found, err := r.Owners(ctx, zone, missing)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	s := r.sender(zone, now)
	for _, id := range missing {
		owner, own := found[id]
		t := &target{owner: owner, own: own, until: now.Add(knownFor), series: map[uint64]struct{}{}}
		if before := s.known[id]; before != nil {
			t.series = before.series
		}
		if own { // what anybody can make up is not remembered
			s.known[id] = t
		} else {
			delete(s.known, id)
		}
		asked[id] = t
	}
	return asked, nil
}

// remembered fills in what is known already, and returns what is not.
func (r *Receiver) remembered(zone uuid.UUID, asked map[uuid.UUID]*target) (missing []uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	s := r.sender(zone, now)
	for _, id := range slices.SortedFunc(maps.Keys(asked), func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) }) {
		if t := s.known[id]; t != nil && now.Before(t.until) {
			asked[id] = t
		} else {
			missing = append(missing, id)
		}
	}
	return missing
}

func value(set []prompb.Label, name string) string {
	for _, l := range set {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// stamped returns the series with the labels of its owner and the samples that can
// be kept; false: none can.
func (r *Receiver) stamped(zone uuid.UUID, series prompb.TimeSeries, owners map[uuid.UUID]*target) (prompb.TimeSeries, bool) {
	id, err := uuid.Parse(value(series.Labels, LabelID))
	if err != nil || owners[id] == nil || !owners[id].own || !wellNamed(series.Labels) {
		return prompb.TimeSeries{}, false
	}
	now := r.Now()
	from, to := now.Add(-Window).UnixMilli(), now.Add(early).UnixMilli()
	samples := slices.DeleteFunc(series.Samples, func(s prompb.Sample) bool { return s.Timestamp < from || s.Timestamp > to })
	if len(samples) == 0 {
		return prompb.TimeSeries{}, false
	}
	t := owners[id]
	set := slices.DeleteFunc(slices.Clone(series.Labels), func(l prompb.Label) bool { return l.Name == LabelID })
	set = append(set, prompb.Label{Name: LabelID, Value: id.String()}, prompb.Label{Name: LabelInstance, Value: t.owner.Instance},
		prompb.Label{Name: LabelProject, Value: t.owner.Project}, prompb.Label{Name: LabelOrganization, Value: t.owner.Organization},
		prompb.Label{Name: LabelZone, Value: t.owner.Zone}, prompb.Label{Name: LabelService, Value: t.owner.Service})
	slices.SortFunc(set, func(a, b prompb.Label) int { return strings.Compare(a.Name, b.Name) })
	return prompb.TimeSeries{Labels: set, Samples: samples}, r.countable(t, set)
}

// countable says whether an instance may have one more series, if this is one.
func (r *Receiver) countable(t *target, set []prompb.Label) bool {
	h := fnv.New64a()
	for _, l := range set {
		fmt.Fprintf(h, "%s\xff%s\xff", l.Name, l.Value)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := t.series[h.Sum64()]; !known && len(t.series) >= maxOfOne {
		return false
	}
	t.series[h.Sum64()] = struct{}{}
	return true
}

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	stampedBy  = []string{LabelInstance, LabelProject, LabelOrganization, LabelZone, LabelService}
)

// wellNamed says whether a zone may give a series these labels.
func wellNamed(set []prompb.Label) bool {
	seen := map[string]bool{}
	for _, l := range set {
		if seen[l.Name] || len(l.Name) > maxText || len(l.Value) > maxText || !utf8.ValidString(l.Value) || slices.Contains(stampedBy, l.Name) {
			return false
		}
		seen[l.Name] = true
		if l.Name == "__name__" {
			if !metricName.MatchString(l.Value) {
				return false
			}
		} else if !labelName.MatchString(l.Name) || strings.HasPrefix(l.Name, "__") {
			return false
		}
	}
	return seen["__name__"] && len(set) <= maxLabels
}
