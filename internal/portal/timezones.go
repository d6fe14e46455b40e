package portal

import "slices"

// commonZones are time zones that people are offered, from west to east; the API takes
// any other IANA zone too.
var commonZones = []string{
	"UTC", "Pacific/Honolulu", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Toronto", "America/Halifax",
	"America/Argentina/Buenos_Aires", "America/Sao_Paulo", "Atlantic/Reykjavik", "Europe/Lisbon", "Europe/Dublin", "Europe/London", "Africa/Lagos",
	"Europe/Amsterdam", "Europe/Berlin", "Europe/Brussels", "Europe/Copenhagen", "Europe/Luxembourg", "Europe/Madrid", "Europe/Oslo", "Europe/Paris", "Europe/Prague", "Europe/Rome",
	"Europe/Stockholm", "Europe/Vaduz", "Europe/Vienna", "Europe/Warsaw", "Europe/Zurich", "Africa/Johannesburg", "Europe/Athens", "Europe/Helsinki", "Asia/Jerusalem",
	"Europe/Istanbul", "Africa/Nairobi", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Hong_Kong", "Asia/Shanghai", "Asia/Singapore",
	"Australia/Perth", "Asia/Seoul", "Asia/Tokyo", "Australia/Brisbane", "Australia/Sydney", "Pacific/Auckland",
}

// zonesWith are those and one more, if it is none of them.
func zonesWith(zone string) []string {
	if zone == "" || slices.Contains(commonZones, zone) {
		return commonZones
	}
	return append(slices.Clone(commonZones), zone)
}
