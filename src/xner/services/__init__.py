"""Language models behind an OpenAI-compatible address: requests, retries, cache and prompts."""
