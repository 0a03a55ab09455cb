export default defineNuxtConfig({
  compatibilityDate: "2025-07-15",
  telemetry: false,
  // a listener for the server in server.js, instead of a server of its own
  nitro: { preset: "node-listener", serveStatic: true },
});
