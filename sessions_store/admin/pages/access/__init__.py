"""The pages of keys, projects and the gateway's settings, with the confirmation of dangerous actions."""
