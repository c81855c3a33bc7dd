import os
import sys

if __name__ == "__main__":
    chosen = "site_config.production" if "LIVE" in os.environ else "site_config.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", chosen)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
