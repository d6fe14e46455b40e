package api

import "time"

// DeviceStart is the body of POST /api/v1/device: a program asks to be logged in
// by a person elsewhere.
type DeviceStart struct {
	Client string `json:"client" minLength:"1" maxLength:"120" doc:"What the program calls itself, for the person to recognize" example:"souk CLI on laptop"`
}

// DeviceCodes are what the program goes on with: the device's code is for itself,
// the user's code is for the person.
type DeviceCodes struct {
	DeviceCode              string `json:"deviceCode" doc:"A secret of the program's"`
	UserCode                string `json:"userCode" example:"WDJB-MJHT"`
	VerificationURI         string `json:"verificationURI" doc:"Where the person enters the user code"`
	VerificationURIComplete string `json:"verificationURIComplete" doc:"The same, with the code filled in"`
	ExpiresIn               int    `json:"expiresIn" doc:"In so many seconds the codes expire"`
	Interval                int    `json:"interval" doc:"So many seconds are between two requests for the session"`
}

// DeviceExchange is the body of POST /api/v1/device/token.
type DeviceExchange struct {
	DeviceCode string `json:"deviceCode" maxLength:"128"`
}

// DeviceDecision is the body of the requests by which a person looks at, approves
// or denies a program that shows the code.
type DeviceDecision struct {
	UserCode string `json:"userCode" maxLength:"64" doc:"Small letters, spaces and a missing hyphen are no matter" example:"WDJB-MJHT"`
}

// DeviceRequest is a program that waits for a person to log it in.
type DeviceRequest struct {
	Client    string    `json:"client" doc:"What it calls itself: anybody can claim any name"`
	Address   string    `json:"address" doc:"Network address that it asked from"`
	AskedAt   time.Time `json:"askedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	// SameAddress is a reason to look twice where it is false.
	SameAddress bool `json:"sameAddress" doc:"You ask from there as well"`
}
