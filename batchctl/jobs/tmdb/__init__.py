"""The TMDB presets: films collected from The Movie Database's API, version 3."""
