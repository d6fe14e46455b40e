package portal

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"

	"souk/api"
	"souk/api/client"
)

func (p *Portal) bucketRoutes() []Route {
	return []Route{
		{"GET /o/{org}/buckets", SignedIn, p.buckets},
		{"POST /o/{org}/buckets", SignedIn, p.addBucket},
		{"POST /o/{org}/buckets/{bucket}/delete", SignedIn, p.deleteBucket},
	}
}

// bucketsView is the organization's own buckets for backups.
type bucketsView struct {
	all   []api.Bucket
	zones []string // that one can be tried from
	form  api.BucketCreate
	key   string // of the form: sent twice, it adds one bucket
	wrong *formErrors
}

func (p *Portal) buckets(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showBuckets(w, r, v, bucketsView{})
}

func (p *Portal) showBuckets(w http.ResponseWriter, r *http.Request, v *visit, view bucketsView) (err error) {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	if view.all, err = v.organization().Buckets(r.Context()); err != nil {
		return err
	}
	zones, err := v.client.Zones(r.Context())
	if err != nil {
		return err
	}
	for _, z := range zones {
		view.zones = append(view.zones, z.Metadata.Name)
	}
	view.key = rand.Text()
	if view.wrong.any() {
		return refuse(w, r, v, bucketsPage(v, view))
	}
	return show(w, r, v, bucketsPage(v, view))
}

func (p *Portal) addBucket(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	view := bucketsView{form: api.BucketCreate{Name: typed("name"), Zone: typed("zone"), Endpoint: typed("endpoint"), Region: typed("region"), Bucket: typed("bucket"),
		Prefix: typed("prefix"), AccessKey: typed("accessKey"), SecretKey: typed("secretKey"), CA: typed("ca")}}
	var err error
	if port := typed("port"); port != "" {
		if view.form.Port, err = strconv.Atoi(port); err != nil {
			view.wrong, view.form.SecretKey = mistake("port", v.T("backup.no-number")), ""
			return p.showBuckets(w, r, v, view)
		}
	}
	ctx := r.Context()
	if key := r.PostForm.Get("key"); len(key) == len(rand.Text()) {
		ctx = client.WithIdempotencyKey(ctx, key)
	}
	if _, err = v.organization().AddBucket(ctx, view.form); err == nil {
		redirect(w, r, done("bucket-added", "o", v.org, "buckets"))
		return nil
	}
	if view.wrong, err = formProblem(err); err != nil {
		return err
	}
	view.form.SecretKey = "" // a secret is not sent back
	return p.showBuckets(w, r, v, view)
}

func (p *Portal) deleteBucket(w http.ResponseWriter, r *http.Request, v *visit) error {
	err := v.organization().DeleteBucket(r.Context(), r.PathValue("bucket"))
	if err == nil {
		redirect(w, r, done("bucket-deleted", "o", v.org, "buckets"))
		return nil
	}
	view := bucketsView{}
	if view.wrong, err = formProblem(err); err != nil {
		return err
	}
	return p.showBuckets(w, r, v, view)
}

// port is what the form shows of a bucket's port.
func (b bucketsView) port() string {
	if b.form.Port == 0 {
		return ""
	}
	return strconv.Itoa(b.form.Port)
}

// bucketChoices are the names of the organization's buckets; none where the visitor may
// not see them.
func (v *visit) bucketChoices(r *http.Request) ([]string, error) {
	all, err := v.organization().Buckets(r.Context())
	if client.IsStatus(err, http.StatusForbidden) {
		return nil, nil
	}
	var names []string
	for _, b := range all {
		names = append(names, b.Name)
	}
	return names, err
}
