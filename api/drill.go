package api

import "time"

// Drill is a restore drill: the newest backup was restored to an instance that was
// thrown away again, and what was in it compared.
type Drill struct {
	ID          string       `json:"id"`
	Instance    string       `json:"instance"`
	Backup      string       `json:"backup" doc:"ID of the backup that is restored"`
	Kind        string       `json:"kind" enum:"scheduled,requested"`
	State       string       `json:"state" enum:"wanted,running,passed,failed,cancelled"`
	Message     string       `json:"message,omitempty" doc:"Why it failed, in plain words"`
	RequestedBy string       `json:"requestedBy,omitempty"`
	CreatedAt   time.Time    `json:"createdAt"`
	StartedAt   *time.Time   `json:"startedAt,omitempty"`
	FinishedAt  *time.Time   `json:"finishedAt,omitempty"`
	Result      *DrillResult `json:"result,omitempty" doc:"What was measured, as far as it went"`
	Certificate bool         `json:"certificate" doc:"There is a signed certificate of what came of it"`
}

// DrillResult is what a restore drill measured.
type DrillResult struct {
	Version             string       `json:"version" doc:"Of the engine"`
	RestoreMilliseconds int64        `json:"restoreMilliseconds" doc:"From the order to restore until the engine answered"`
	PointInTime         bool         `json:"pointInTime" doc:"Changes after the backup were restored as well"`
	LossMilliseconds    int64        `json:"lossMilliseconds" doc:"By how much the newest canary that was put away when the drill began is older than the newest that there was then: what would have been lost with the instance"`
	Canaries            int          `json:"canaries" doc:"How many canaries were compared"`
	CanariesSHA256      string       `json:"canariesSha256,omitempty" doc:"Over all of them"`
	Checks              []DrillCheck `json:"checks" nullable:"false" doc:"What the engine checked in the restored data"`
}

// Took is the time to restore, to a tenth of a second.
func (r DrillResult) Took() time.Duration { return tenths(r.RestoreMilliseconds) }

// Loss is the time of which the changes would have been lost, to a tenth of a second.
func (r DrillResult) Loss() time.Duration { return tenths(r.LossMilliseconds) }

func tenths(milliseconds int64) time.Duration {
	return (time.Duration(milliseconds) * time.Millisecond).Round(100 * time.Millisecond)
}

// DrillCheck is one check of restored data.
type DrillCheck struct {
	Name   string `json:"name" example:"page-checksums"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail" doc:"In plain words; it names nothing that is in the data"`
}

// DrillList is the restore drills of an instance.
type DrillList struct {
	Items   []Drill    `json:"items" nullable:"false" doc:"The newest first, at most 100"`
	Every   string     `json:"every" enum:"daily,weekly,monthly,off" doc:"How often one is made"`
	Next    *time.Time `json:"next,omitempty" doc:"When the next one is due"`
	Message string     `json:"message,omitempty" doc:"Why none can be made, in plain words"`
}

// DrillCertificate says what came of a restore drill. It is signed: a JSON Web
// Signature (RFC 7515) by a key that /.well-known/jwks.json names.
type DrillCertificate struct {
	Type         string        `json:"type" enum:"souk/restore-drill/v1"`
	ID           string        `json:"id" doc:"Of the drill"`
	Outcome      string        `json:"outcome" enum:"passed,failed"`
	Problem      string        `json:"problem,omitempty"`
	Organization string        `json:"organization"`
	Project      string        `json:"project"`
	Instance     string        `json:"instance"`
	InstanceID   string        `json:"instanceId"`
	Service      string        `json:"service"`
	Zone         string        `json:"zone"`
	Driver       string        `json:"driver"`
	Backup       DrilledBackup `json:"backup"`
	StartedAt    time.Time     `json:"startedAt"`
	FinishedAt   time.Time     `json:"finishedAt"`
	IssuedAt     time.Time     `json:"issuedAt"`
	Result       *DrillResult  `json:"result,omitempty"`
}

// File names the file that the certificate is kept in, with that ending.
func (c DrillCertificate) File(ending string) string {
	return c.Instance + "-restore-drill-" + c.FinishedAt.UTC().Format(time.DateOnly) + "." + ending
}

// DrilledBackup is the backup that a drill restored.
type DrilledBackup struct {
	ID         string     `json:"id"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
	SizeBytes  int64      `json:"sizeBytes"`
}

// SignedDrill is a certificate and its signature.
type SignedDrill struct {
	Certificate DrillCertificate `json:"certificate" doc:"What was signed"`
	Signed      string           `json:"signed" doc:"The JSON Web Signature, in its compact form"`
	SHA256      string           `json:"sha256" doc:"Of what was signed, byte by byte; the PDF carries it"`
}
