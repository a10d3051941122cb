// Plans that outlive the process: one file each in a folder that the user names.
#pragma once
#include <optional>
#include <string>

#include "vendor/dnn_plan.h"

namespace halftone::vendor {

/// What a file holds. `key` is plan_key() with the device and the library's version in it.
struct StoredPlan {
  DnnEngine engine;
  std::string json;
};

class PlanStore {
 public:
  /// Empty: nothing is stored and nothing found. The folder is made at the first write.
  explicit PlanStore(std::string folder) : folder_(std::move(folder)) {}

  bool enabled() const { return !folder_.empty(); }
  /// Nothing when there is no file for this key, or one that is cut short, changed, or of another
  /// key.
  std::optional<StoredPlan> find(const std::string& key) const;
  /// Writes beside the file and renames, so that readers see the old one, the new one or none. A
  /// folder that cannot be written to is no error: the plan is made again next time.
  void put(const std::string& key, const StoredPlan& plan) const;
  /// Where the plan of `key` lies.
  std::string path(const std::string& key) const;

 private:
  std::string folder_;
};

}  // namespace halftone::vendor
