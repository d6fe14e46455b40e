package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"souk/api"
)

func newBucket(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "bucket", Short: "Keep backups in a bucket of your own"}
	cmd.AddCommand(newBucketAdd(a), newBucketDelete(a))
	return cmd
}

func newBucketAdd(a *App) *cobra.Command {
	var b api.BucketCreate
	var secretFile, caFile string
	cmd := &cobra.Command{
		Use:   "add NAME --zone ZONE --endpoint HOST --region REGION --bucket BUCKET --access-key KEY --secret-key-file FILE",
		Short: "Have the organization keep a bucket of its own for backups",
		Long: "Have the organization keep a bucket of an S3 service for backups. The zone writes,\n" +
			"lists, reads and deletes a small object there first. The secret key is read from a\nfile, or from standard input where the file is -, and is never shown again.\n\n" +
			"Instances are then told by --backup-to NAME (souk order, souk update).",
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&b.Zone, "zone", "", "the zone that it is tried from")
	flags.StringVar(&b.Endpoint, "endpoint", "", "host of the service, reached over TLS")
	flags.IntVar(&b.Port, "port", 443, "its port")
	flags.StringVar(&b.Region, "region", "", "region of the bucket")
	flags.StringVar(&b.Bucket, "bucket", "", "name of the bucket")
	flags.StringVar(&b.Prefix, "prefix", "", "what the keys of all objects begin with")
	flags.StringVar(&b.AccessKey, "access-key", "", "access key; it may list, read, write and delete there")
	flags.StringVar(&secretFile, "secret-key-file", "", "file with the secret key")
	flags.StringVar(&caFile, "ca-file", "", "file with the certificates that verify the service, in PEM")
	for _, needed := range []string{"zone", "endpoint", "region", "bucket", "access-key", "secret-key-file"} {
		must(cmd.MarkFlagRequired(needed))
	}
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) (err error) {
		b.Name = args[0]
		if b.SecretKey, err = a.secretFrom(secretFile); err != nil {
			return err
		}
		if b.CA, err = a.secretFrom(caFile); err != nil {
			return err
		}
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		made, err := organization.AddBucket(ctx, b)
		if err != nil {
			return err
		}
		return a.done("bucket/%s added", made.Name)
	})
	return cmd
}

func newBucketDelete(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Forget a bucket; what lies in it stays there",
		Args:  cobra.ExactArgs(1),
		RunE: a.bounded(func(ctx context.Context, args []string) error {
			organization, _, err := a.inOrganization(ctx)
			if err != nil {
				return err
			}
			if err := organization.DeleteBucket(ctx, args[0]); err != nil {
				return err
			}
			return a.done("bucket/%s deleted", args[0])
		}),
	}
}

func listBuckets(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.Buckets(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("bucket", name, all, newTable("NAME", "ENDPOINT", "REGION", "BUCKET", "PREFIX", "ACCESS KEY", "ADDED"),
		func(b api.Bucket) string { return b.Name },
		func(b api.Bucket) []string {
			return []string{b.Name, b.Endpoint + ":" + strconv.Itoa(b.Port), b.Region, b.Bucket, b.Prefix, b.AccessKey, moment(b.CreatedAt)}
		})
}
