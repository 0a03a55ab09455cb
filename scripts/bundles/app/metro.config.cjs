const { getDefaultConfig, mergeConfig } = require("@react-native/metro-config");

// as React Native's applications have it, without React Native itself
module.exports = mergeConfig(getDefaultConfig(__dirname), {
  cacheStores: [],
  reporter: { update() {} },
  serializer: { getModulesRunBeforeMainModule: () => [] },
});
