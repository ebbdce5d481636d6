// @ts-nocheck: Swagger UI has no types here.
// Nothing leaves this host: no validator's badge, which Swagger UI would load from swagger.io.
window.SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
});
