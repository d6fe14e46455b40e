package api

import "time"

// BucketCreate is a bucket of an S3 service that backups are to be kept in. It is tried
// from the zone before it is kept.
type BucketCreate struct {
	Name      string `json:"name" maxLength:"63" doc:"Lower-case letters, digits and hyphens"`
	Zone      string `json:"zone" maxLength:"63" doc:"The zone that it is tried from"`
	Endpoint  string `json:"endpoint" maxLength:"253" example:"s3.eu-central-1.amazonaws.com" doc:"Host of the service, which is reached over TLS"`
	Port      int    `json:"port,omitempty" minimum:"0" maximum:"65535" doc:"Default: 443"`
	Region    string `json:"region" maxLength:"63" example:"eu-central-1"`
	Bucket    string `json:"bucket" maxLength:"63"`
	Prefix    string `json:"prefix,omitempty" maxLength:"200" doc:"What the keys of all objects begin with"`
	AccessKey string `json:"accessKey" maxLength:"128" doc:"It may read, write, list and delete there"`
	SecretKey string `json:"secretKey" maxLength:"256" doc:"Never told again"`
	CA        string `json:"ca,omitempty" maxLength:"65536" doc:"Certificates in PEM that verify the service. Default: what the zone's machine trusts"`
}

// Bucket is one that the organization keeps for backups.
type Bucket struct {
	Name      string    `json:"name"`
	Endpoint  string    `json:"endpoint"`
	Port      int       `json:"port"`
	Region    string    `json:"region"`
	Bucket    string    `json:"bucket"`
	Prefix    string    `json:"prefix,omitempty"`
	AccessKey string    `json:"accessKey"`
	CreatedBy string    `json:"createdBy"`
	CreatedAt time.Time `json:"createdAt"`
}
