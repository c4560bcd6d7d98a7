// What Swagger UI shows; no validator is asked, which would be a server elsewhere.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
