package driver

import "context"

// Sampler is a Driver that can tell figures of its instances. It is an optional
// capability: an agent asks its driver whether it has it.
type Sampler interface {
	// Sample returns the figures of an instance as they are now, none for one that
	// was stopped. It changes nothing, waits for nothing that is starting, and may
	// be called while other methods work on the instance. ErrNotFound when the
	// instance does not exist.
	Sample(ctx context.Context, instanceID string) ([]Sample, error)
}

// Sample is one figure, named as Prometheus names them: with the unit at the end
// (_bytes, _seconds), and _total for what only grows.
type Sample struct {
	Name   string
	Labels map[string]string // what tells figures of one name apart; nil for one alone
	Value  float64
}

// The figures that an instance of any service has, where the zone can tell them.
const (
	// MetricUp is 1 while the engine answers the agent, else 0.
	MetricUp = "souk_up"
	// MetricCPU is the time for which all processes of the instance have run, in
	// seconds of one core; MetricCPULimit is how many cores its plan gives it.
	MetricCPU      = "souk_cpu_seconds_total"
	MetricCPULimit = "souk_cpu_limit_cores"
	// MetricMemory is what the instance holds of its memory, without files that are
	// cached and not in use; MetricMemoryLimit is what its plan gives it.
	MetricMemory      = "souk_memory_used_bytes"
	MetricMemoryLimit = "souk_memory_limit_bytes"
	// MetricStorage is what its data occupies, MetricStorageLimit what it has.
	MetricStorage      = "souk_storage_used_bytes"
	MetricStorageLimit = "souk_storage_limit_bytes"
	// MetricCertificate is for how long the server certificate in force is still
	// good; less than nothing once it has ended.
	MetricCertificate = "souk_certificate_remaining_seconds"
)
