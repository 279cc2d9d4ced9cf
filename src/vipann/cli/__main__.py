from vipann.cli.main import main

raise SystemExit(main())
