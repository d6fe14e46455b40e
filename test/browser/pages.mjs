// Every page that people see, by who looks at it; "" is nobody. journeys/pages.mjs
// looks at each of them: add a page here, and it is held against the rules.
export const pages = {
	"": ["/", "/catalog", "/catalog/postgresql", "/login", "/signup", "/verify-email", "/password/forgot", "/password/reset", "/invitation", "/dev/mail"],
	"owner@acme.example": [
		"/o/acme",
		"/organizations/new",
		"/o/acme/instances",
		"/o/acme/projects",
		"/o/acme/members",
		"/o/acme/tokens",
		"/o/acme/audit",
		"/o/acme/costs",
		"/o/acme/quota",
		"/o/acme/settings",
		"/o/acme/instances/bulk?project=default&action=suspend&name=orders",
		"/o/acme/instances/bulk?project=default&action=delete&name=orders",
		"/o/acme/order/postgresql",
		"/o/acme/p/default/instances/orders",
		"/o/acme/p/default/instances/orders/bindings",
		"/o/acme/p/default/instances/orders/logs",
		"/o/acme/p/default/instances/orders/settings",
		"/account/profile",
		"/account/password",
		"/account/sessions",
		"/account/second-factor",
		"/device",
	],
};
