"""Where text comes from: the generated language, and (later tracks) pinned files."""
