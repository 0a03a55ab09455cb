export default {
  // a folder that the project's tools pass over
  distDir: ".cache/next",
};
